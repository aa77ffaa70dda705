/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smallest files that are whole, for tests. */
#pragma once

#include <dubbing_bytes.h>
#include <string.h>

static inline void put_ints(GByteArray *file, const uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dub_write_le32(file, values[i]);
}

/* One tensor of dims dimensions of size 1, of 32 bit floats. */
static inline void put_tensor(GByteArray *file, uint32_t dims)
{
    put_ints(file, (const uint32_t[]){dims, 4, 0}, 3);
    for (uint32_t i = 0; i < dims; i++)
        dub_write_le32(file, 1);
    dub_write_bytes(file, "name", 4);
    dub_write_le32(file, 0);
}

/* One layer on either side, one mel band. */
static inline GByteArray *whisper_file(void)
{
    static const uint32_t head[] = {0x67676d6c, 51864, 1500, 2, 1, 1, 448, 2, 1, 1, 1, 0, 1, 201};
    GByteArray *file = g_byte_array_new();
    put_ints(file, head, G_N_ELEMENTS(head));
    for (int i = 0; i < 201; i++)
        dub_write_le32(file, 0);
    put_ints(file, (const uint32_t[]){2, 5}, 2);
    dub_write_bytes(file, " news", 5);
    dub_write_le32(file, 1);
    dub_write_bytes(file, " ", 1);
    for (int i = 0; i < 15 + 24; i++)
        put_tensor(file, 1 + (uint32_t)i % 3);
    return file;
}

static inline GByteArray *whisper_voice_file(void)
{
    static const uint32_t head[] = {6, 2,  0,  512, 64, 4,   129, 128, 3,   128, 64,
                                    3, 64, 64, 3,   64, 128, 3,   128, 128, 128, 1};
    GByteArray *file = g_byte_array_new();
    put_ints(file, (const uint32_t[]){0x67676d6c, 10}, 2);
    dub_write_bytes(file, "silero-16k", 10);
    put_ints(file, head, G_N_ELEMENTS(head));
    for (uint32_t i = 0; i < 15; i++)
        put_tensor(file, i % 4);
    return file;
}
