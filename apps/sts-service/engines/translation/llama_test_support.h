/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smallest files that are whole, for tests. */
#pragma once

#include <dubbing_bytes.h>
#include <string.h>

/* enum gguf_type */
#define GGUF_U32 4
#define GGUF_STRING 8
#define GGUF_ARRAY 9

static inline void put_le64(GByteArray *file, uint64_t value)
{
    dub_write_le32(file, (uint32_t)value);
    dub_write_le32(file, (uint32_t)(value >> 32));
}

static inline void put_text(GByteArray *file, const char *text)
{
    put_le64(file, strlen(text));
    dub_write_bytes(file, text, strlen(text));
}

static inline void put_key(GByteArray *file, const char *key, uint32_t kind)
{
    put_text(file, key);
    dub_write_le32(file, kind);
}

static inline void put_text_value(GByteArray *file, const char *key, const char *text)
{
    put_key(file, key, GGUF_STRING);
    put_text(file, text);
}

static inline void put_number(GByteArray *file, const char *key, uint32_t value)
{
    put_key(file, key, GGUF_U32);
    dub_write_le32(file, value);
}

/* Lists of so many things; the things follow. */
static inline void put_list(GByteArray *file, const char *key, uint32_t of, uint64_t count)
{
    put_key(file, key, GGUF_ARRAY);
    dub_write_le32(file, of);
    put_le64(file, count);
}

static inline void put_words(GByteArray *file)
{
    put_list(file, "tokenizer.ggml.tokens", GGUF_STRING, 3);
    put_text(file, "<unk>");
    put_text(file, "a");
    put_text(file, "bc");
    put_list(file, "tokenizer.ggml.scores", 6, 3);
    put_le64(file, 0);
    dub_write_le32(file, 0);
    put_list(file, "tokenizer.ggml.token_type", 5, 3);
    put_le64(file, 0);
    dub_write_le32(file, 0);
}

/* One of floats, one of Q8_0. */
static inline void put_tensors(GByteArray *file)
{
    put_text(file, "token_embd.weight");
    dub_write_le32(file, 2);
    put_le64(file, 4);
    put_le64(file, 3);
    dub_write_le32(file, 0);
    put_le64(file, 0);
    put_text(file, "blk.0.ffn_up.weight");
    dub_write_le32(file, 1);
    put_le64(file, 32);
    dub_write_le32(file, 8);
    put_le64(file, 64);
    while (file->len % 32 != 0)
        dub_write_u8(file, 0);
    for (int i = 0; i < 64 + 34; i++)
        dub_write_u8(file, 0);
}

#define LLAMA_FILE_VALUES 10

static inline GByteArray *llama_file(void)
{
    GByteArray *file = g_byte_array_new();
    dub_write_bytes(file, "GGUF", 4);
    dub_write_le32(file, 3);
    put_le64(file, 2);
    put_le64(file, LLAMA_FILE_VALUES);
    put_text_value(file, "general.architecture", "t5");
    put_number(file, "general.alignment", 32);
    put_number(file, "t5.block_count", 1);
    put_number(file, "t5.attention.head_count", 2);
    put_number(file, "t5.decoder_start_token_id", 2);
    put_text_value(file, "tokenizer.ggml.model", "t5");
    put_words(file);
    put_list(file, "tokenizer.ggml.precompiled_charsmap", 0, 5);
    dub_write_bytes(file, "\1\0\0\0x", 5);
    put_tensors(file);
    return file;
}
