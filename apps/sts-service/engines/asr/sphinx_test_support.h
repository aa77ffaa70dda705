/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smallest files of each kind that are whole. */
#pragma once

#include <dubbing_bytes.h>
#include <string.h>

static inline void put_text(GByteArray *out, const char *text)
{
    dub_write_bytes(out, text, strlen(text));
}

/* A Sphinx-3 file of these words, with its checksum. */
static inline GByteArray *s3_file(const uint32_t *words, size_t count)
{
    GByteArray *out = g_byte_array_new();
    uint32_t sum = 0;
    put_text(out, "s3\nversion 1.0\nchksum0 yes\nendhdr\n");
    dub_write_le32(out, 0x11223344);
    for (size_t i = 0; i < count; i++) {
        dub_write_le32(out, words[i]);
        sum = (sum << 20 | sum >> 12) + words[i];
    }
    dub_write_le32(out, sum);
    return out;
}

static inline GByteArray *gaussians_file(void)
{
    static const uint32_t words[] = {1, 2, 1, /* vectors of */ 2, 1, /* floats */ 3, 0x3f800000, 7, 9};
    return s3_file(words, G_N_ELEMENTS(words));
}

static inline GByteArray *transitions_file(void)
{
    static const uint32_t words[] = {1, 1, 2, /* floats */ 2, 0x3f800000, 5};
    return s3_file(words, G_N_ELEMENTS(words));
}

/* One phone "SIL", a tree of one, two sequences of one state. */
static inline GByteArray *mdef_file(void)
{
    static const uint32_t head[] = {1, 1, 1, 1, 1, 1, 2, 1, 1, 0};
    GByteArray *out = g_byte_array_new();
    put_text(out, "BMDF");
    dub_write_le32(out, 1);
    dub_write_le32(out, 4);
    put_text(out, "abcd");
    for (size_t i = 0; i < G_N_ELEMENTS(head); i++)
        dub_write_le32(out, head[i]);
    dub_write_bytes(out, "SIL", 4);
    for (int i = 0; i < 5; i++) /* 8 of the tree, 12 of the phone */
        dub_write_le32(out, 0);
    dub_write_le32(out, 2);
    dub_write_le32(out, 0); /* two states */
    return out;
}

static inline void put_string(GByteArray *out, const char *text)
{
    dub_write_le32(out, (uint32_t)strlen(text) + 1);
    dub_write_bytes(out, text, strlen(text) + 1);
}

/* clusters 0: the two numbers stand behind the strings. */
static inline GByteArray *sendump_file(bool clustered)
{
    GByteArray *out = g_byte_array_new();
    put_string(out, "BEGIN");
    put_string(out, "feature_count 2");
    if (clustered) {
        put_string(out, "mixture_count 4");
        put_string(out, "model_count 3");
        put_string(out, "cluster_count 16");
        put_string(out, "cluster_bits 4");
    }
    dub_write_le32(out, 0);
    if (!clustered) {
        dub_write_le32(out, 4);
        dub_write_le32(out, 3);
    }
    size_t size = clustered ? 16 + 2 * 4 * 2 : 2 * 4 * 3;
    for (size_t i = 0; i < size; i++)
        dub_write_u8(out, (uint8_t)i);
    return out;
}

/* Of one word, no pairs. */
static inline GByteArray *trie_file(void)
{
    GByteArray *out = g_byte_array_new();
    put_text(out, "Trie Language Model");
    dub_write_u8(out, 1);
    dub_write_le32(out, 1);
    for (int i = 0; i < 2 * 3; i++)
        dub_write_le32(out, 0);
    dub_write_le32(out, 4);
    dub_write_bytes(out, "the", 4);
    return out;
}
