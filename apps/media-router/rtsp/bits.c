/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bits.h"

size_t bits_left(const struct bits *bits)
{
    return bits->failed ? 0 : bits->size - bits->at;
}

uint32_t bits_read(struct bits *bits, unsigned count)
{
    uint32_t value = 0;
    if (bits_left(bits) < count) {
        bits->failed = true;
        return 0;
    }
    for (unsigned i = 0; i < count; i++, bits->at++)
        value = value << 1 | ((unsigned)bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1u);
    return value;
}

bool bits_flag(struct bits *bits)
{
    return bits_read(bits, 1) != 0;
}

void bits_skip(struct bits *bits, size_t count)
{
    if (bits_left(bits) < count)
        bits->failed = true;
    else
        bits->at += count;
}

uint32_t bits_ue(struct bits *bits)
{
    unsigned zeroes = 0;
    while (!bits->failed && zeroes < 32 && !bits_flag(bits))
        zeroes++;
    if (zeroes == 32)
        bits->failed = true;
    return bits->failed ? 0 : (uint32_t)((UINT64_C(1) << zeroes) - 1 + bits_read(bits, zeroes));
}

int32_t bits_se(struct bits *bits)
{
    uint32_t code = bits_ue(bits);
    int64_t magnitude = ((int64_t)code + 1) / 2;
    return (int32_t)(code % 2 == 0 ? -magnitude : magnitude);
}
