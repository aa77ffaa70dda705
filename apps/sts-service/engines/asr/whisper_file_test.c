/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_file.h"

#include "whisper_test_support.h"

typedef const char *fault_of(const void *data, size_t size);

/* Whole as it is, cut short at every length, damaged with something behind it. */
static void assert_every_cut_is_seen(fault_of *fault, GByteArray *take_file)
{
    g_autoptr(GByteArray) file = take_file;
    g_assert_cmpstr(fault(file->data, file->len), ==, NULL);
    for (guint size = 0; size < file->len; size++) {
        /* A copy of exactly that size, so that a read beyond it is found. */
        g_autofree void *cut = g_memdup2(file->data, size);
        if (!fault(cut, size))
            g_error("%u of %u bytes pass", size, file->len);
    }
    dub_write_u8(file, 0);
    g_assert_nonnull(fault(file->data, file->len));
}

static void test_every_cut_is_seen(void)
{
    assert_every_cut_is_seen(whisper_file_fault, whisper_file());
    assert_every_cut_is_seen(whisper_voice_file_fault, whisper_voice_file());
}

static void assert_damaged(size_t at, uint32_t value)
{
    g_autoptr(GByteArray) file = whisper_file();
    value = GUINT32_TO_LE(value);
    memcpy(file->data + at * sizeof value, &value, sizeof value);
    const char *fault = whisper_file_fault(file->data, file->len);
    if (!fault)
        g_error("%u passes as number %zu of the head", value, at);
}

/* What the library would use unasked: ids beyond the logits, heads that do not divide, filters of another
 * size. */
static void test_numbers_that_cannot_be(void)
{
    static const struct {
        size_t at;
        uint32_t value;
    } cases[] = {{0, 0x46554747}, {1, 100}, {1, 1u << 31}, {2, 0},    {2, 3000},       {3, 3}, {4, 0},
                 {4, 7},          {5, 0},   {5, 100000},   {6, 0},    {7, 4},          {8, 0}, {9, 200},
                 {10, 0},         {10, 80}, {12, 80},      {13, 400}, {13, UINT32_MAX}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_damaged(cases[i].at, cases[i].value);
}

static void test_a_vocabulary_without_the_blank(void)
{
    g_autoptr(GByteArray) file = whisper_file();
    uint8_t *blank = memmem(file->data, file->len, "\1\0\0\0 ", 5);
    g_assert_nonnull(blank);
    blank[4] = 'x';
    g_assert_nonnull(whisper_file_fault(file->data, file->len));
}

static void test_weights_of_an_unknown_kind(void)
{
    g_autoptr(GByteArray) file = whisper_file();
    uint8_t *name = memmem(file->data, file->len, "name", 4);
    g_assert_nonnull(name);
    name[-8] = 99; /* of a tensor of one dimension: its kind, its size, its name */
    g_assert_nonnull(whisper_file_fault(file->data, file->len));
}

static void test_one_kind_is_not_the_other(void)
{
    g_autoptr(GByteArray) model = whisper_file();
    g_autoptr(GByteArray) voice = whisper_voice_file();
    g_assert_nonnull(whisper_voice_file_fault(model->data, model->len));
    g_assert_nonnull(whisper_file_fault(voice->data, voice->len));
    g_assert_nonnull(strstr(whisper_file_fault("GGUF and more", 13), "no model of whisper.cpp"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/whisper-file/every-cut-is-seen", test_every_cut_is_seen);
    g_test_add_func("/whisper-file/numbers-that-cannot-be", test_numbers_that_cannot_be);
    g_test_add_func("/whisper-file/a-vocabulary-without-the-blank", test_a_vocabulary_without_the_blank);
    g_test_add_func("/whisper-file/weights-of-an-unknown-kind", test_weights_of_an_unknown_kind);
    g_test_add_func("/whisper-file/one-kind-is-not-the-other", test_one_kind_is_not_the_other);
    return g_test_run();
}
