/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounded reading of bits, as dubbing_bytes.h does for bytes: beyond the end `failed` is set and 0 comes
 * back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
    const uint8_t *data; /* borrowed */
    size_t size;         /* in bits */
    size_t at;
    bool failed;
};

static inline struct bits bits_on(const uint8_t *data, size_t bytes)
{
    return (struct bits){.data = data, .size = bytes * 8};
}

size_t bits_left(const struct bits *bits);
/* count: 0 to 32. */
uint32_t bits_read(struct bits *bits, unsigned count);
bool bits_flag(struct bits *bits);
void bits_skip(struct bits *bits, size_t count);
/* Exp-Golomb codes, ITU-T H.264 section 9.1. */
uint32_t bits_ue(struct bits *bits);
int32_t bits_se(struct bits *bits);
