/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_file.h"

#include "llama_test_support.h"

static const char *fault_of(const GByteArray *file)
{
    return llama_file_fault(file->data, file->len);
}

static void test_every_cut_is_seen(void)
{
    g_autoptr(GByteArray) file = llama_file();
    g_assert_null(fault_of(file));
    for (size_t size = 0; size < file->len; size++) {
        g_autofree uint8_t *cut = g_memdup2(file->data, size);
        g_assert_nonnull(llama_file_fault(cut, size));
    }
}

/* The place behind some text in the file. */
static uint8_t *behind(GByteArray *file, const char *text)
{
    uint8_t *found = memmem(file->data, file->len, text, strlen(text));
    g_assert_nonnull(found);
    return found + strlen(text);
}

/* What follows the text is another number, of four bytes. */
static void assert_refused(const char *text, size_t further, uint32_t number, const char *why)
{
    g_autoptr(GByteArray) file = llama_file();
    uint8_t *at = behind(file, text) + further;
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> (8 * i));
    const char *fault = fault_of(file);
    if (!fault || !strstr(fault, why))
        g_error("%u behind \"%s\": %s", number, text, fault ? fault : "passes");
}

static void test_numbers_that_cannot_be(void)
{
    assert_refused("GGUF", 0, 1, "damaged");
    assert_refused("GGUF", 0, 4, "damaged");
    assert_refused("GGUF", 4, 0, "damaged");
    assert_refused("GGUF", 4, 1u << 20, "damaged");
    assert_refused("GGUF", 12, 1u << 30, "damaged");
    assert_refused("general.alignment", 4, 0, "damaged");
    assert_refused("general.alignment", 4, 24, "damaged");
    assert_refused("general.alignment", 4, 1u << 30, "damaged");
    assert_refused("t5.block_count", 4, 0, "damaged");
    assert_refused("t5.block_count", 4, 100000, "damaged");
    assert_refused("t5.attention.head_count", 4, 0, "damaged");
    assert_refused("t5.decoder_start_token_id", 4, 3, "damaged");
}

/* The library ends the process over values of another type. */
static void test_values_of_another_type(void)
{
    assert_refused("general.architecture", 0, 99, "damaged");
    assert_refused("general.alignment", 0, 5, "damaged");
    assert_refused("t5.block_count", 0, 6, "damaged");
    assert_refused("tokenizer.ggml.scores", 4, 5, "damaged");
    assert_refused("tokenizer.ggml.token_type", 4, 6, "damaged");
    assert_refused("tokenizer.ggml.precompiled_charsmap", 4, 7, "damaged");
}

/* It would read scores beyond their end. */
static void test_lists_that_do_not_fit_together(void)
{
    assert_refused("tokenizer.ggml.scores", 8, 4, "");
    assert_refused("tokenizer.ggml.scores", 8, 2, "");
    assert_refused("tokenizer.ggml.tokens", 8, 0xffffffff, "cut short");
    assert_refused("tokenizer.ggml.scores", 8, 0xffffffff, "cut short");
}

static void test_weights_that_are_none(void)
{
    assert_refused("token_embd.weight", 0, 0, "damaged");
    assert_refused("token_embd.weight", 0, 5, "damaged");
    assert_refused("token_embd.weight", 4, 0, "damaged");
    assert_refused("token_embd.weight", 20, 4, "damaged");
    assert_refused("token_embd.weight", 20, 99, "damaged");
    assert_refused("token_embd.weight", 24, 32, "damaged");
    assert_refused("blk.0.ffn_up.weight", 4, 33, "damaged");
    assert_refused("blk.0.ffn_up.weight", 4, 64, "cut short");
}

/* A whole file of ten values, and one more. */
static GByteArray *with_one_more(void (*put)(GByteArray *file))
{
    GByteArray *file = llama_file();
    g_autoptr(GByteArray) more = g_byte_array_new();
    put(more);
    g_autoptr(GByteArray) rest = g_byte_array_new();
    g_byte_array_append(rest, file->data + 24, file->len - 24);
    g_byte_array_set_size(file, 24);
    file->data[16] = LLAMA_FILE_VALUES + 1;
    g_byte_array_append(file, more->data, more->len);
    g_byte_array_append(file, rest->data, rest->len);
    return file;
}

static void put_parts(GByteArray *file)
{
    put_number(file, "split.count", 2);
}

static void put_many_layers(GByteArray *file)
{
    put_list(file, "t5.attention.head_count_kv", 0, 600);
    for (int i = 0; i < 600; i++)
        dub_write_u8(file, 1);
}

static void put_nested_list(GByteArray *file)
{
    put_list(file, "general.x", GGUF_ARRAY, 1);
}

static void test_what_is_not_read(void)
{
    g_autoptr(GByteArray) parts = with_one_more(put_parts);
    g_autoptr(GByteArray) layers = with_one_more(put_many_layers);
    g_autoptr(GByteArray) nested = with_one_more(put_nested_list);
    g_assert_nonnull(strstr(fault_of(parts), "several parts"));
    g_assert_nonnull(strstr(fault_of(layers), "damaged"));
    g_assert_nonnull(strstr(fault_of(nested), "damaged"));
}

/* ggml's old format, and a file of Hugging Face's. */
static void test_other_files(void)
{
    g_assert_nonnull(strstr(llama_file_fault("lmgg and more", 13), "no model of llama.cpp"));
    g_assert_nonnull(strstr(llama_file_fault("{\"a\":1} and more", 16), "no model of llama.cpp"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/llama-file/every-cut-is-seen", test_every_cut_is_seen);
    g_test_add_func("/llama-file/numbers-that-cannot-be", test_numbers_that_cannot_be);
    g_test_add_func("/llama-file/values-of-another-type", test_values_of_another_type);
    g_test_add_func("/llama-file/lists-that-do-not-fit-together", test_lists_that_do_not_fit_together);
    g_test_add_func("/llama-file/weights-that-are-none", test_weights_that_are_none);
    g_test_add_func("/llama-file/what-is-not-read", test_what_is_not_read);
    g_test_add_func("/llama-file/other-files", test_other_files);
    return g_test_run();
}
