/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sphinx_files.h"

#include "sphinx_test_support.h"

#define MODEL "/usr/share/pocketsphinx/model/en-us/"

/* Whole as it is and with more behind it, cut short at every length. */
static void assert_every_cut_is_seen(enum sphinx_file kind, GByteArray *take_file)
{
    g_autoptr(GByteArray) file = take_file;
    g_assert_cmpstr(sphinx_file_fault(kind, file->data, file->len), ==, NULL);
    for (guint size = 0; size < file->len; size++) {
        /* A copy of exactly that size, so that a read beyond it is found. */
        g_autofree void *cut = g_memdup2(file->data, size);
        if (!sphinx_file_fault(kind, cut, size))
            g_error("%u of %u bytes of kind %d pass", size, file->len, (int)kind);
    }
    dub_write_u8(file, 0);
    g_assert_cmpstr(sphinx_file_fault(kind, file->data, file->len), ==, NULL);
}

static void test_every_cut_is_seen(void)
{
    assert_every_cut_is_seen(SPHINX_MDEF, mdef_file());
    assert_every_cut_is_seen(SPHINX_GAUSSIANS, gaussians_file());
    assert_every_cut_is_seen(SPHINX_TRANSITIONS, transitions_file());
    assert_every_cut_is_seen(SPHINX_WEIGHTS, transitions_file());
    assert_every_cut_is_seen(SPHINX_SENDUMP, sendump_file(false));
    assert_every_cut_is_seen(SPHINX_SENDUMP, sendump_file(true));
    assert_every_cut_is_seen(SPHINX_LANGUAGE, trie_file());
}

static void test_a_wrong_bit_is_seen(void)
{
    g_autoptr(GByteArray) file = gaussians_file();
    for (guint i = file->len - 16; i < file->len; i++) {
        file->data[i] ^= 0x10;
        g_assert_cmpstr(sphinx_file_fault(SPHINX_GAUSSIANS, file->data, file->len), !=, NULL);
        file->data[i] ^= 0x10;
    }
}

static void test_either_order_of_bytes(void)
{
    static const uint32_t words[] = {0x11223344, 1, 1, 1, 1, 5, 5};
    g_autoptr(GByteArray) file = g_byte_array_new();
    uint32_t sum = 0;
    put_text(file, "s3\nchksum0 yes\nendhdr\n");
    for (size_t i = 0; i < G_N_ELEMENTS(words) - 1; i++) {
        dub_write_be32(file, words[i]);
        if (i > 0)
            sum = (sum << 20 | sum >> 12) + words[i];
    }
    dub_write_be32(file, sum);
    g_assert_cmpstr(sphinx_file_fault(SPHINX_TRANSITIONS, file->data, file->len), ==, NULL);
    file->data[file->len - 1] ^= 1;
    g_assert_cmpstr(sphinx_file_fault(SPHINX_TRANSITIONS, file->data, file->len), !=, NULL);
}

static const char *fault_of(enum sphinx_file kind, const char *text)
{
    return sphinx_file_fault(kind, text, strlen(text));
}

static void test_text(void)
{
    g_assert_null(fault_of(SPHINX_LINES, "the DH AH\nto T UW\n"));
    g_assert_nonnull(fault_of(SPHINX_LINES, "the DH AH\nto T"));
    g_assert_nonnull(fault_of(SPHINX_LINES, ""));
    g_assert_nonnull(sphinx_file_fault(SPHINX_LINES, "a\0\n", 3));
    g_assert_null(fault_of(SPHINX_MDEF, "0.3\n1 n_base\n"));
    g_assert_nonnull(fault_of(SPHINX_MDEF, "0.3\n1 n_b"));
    g_assert_null(fault_of(SPHINX_LANGUAGE, "\\data\\\nngram 1=1\n\n\\1-grams:\n-1 a\n\n\\end\\\n"));
    g_assert_nonnull(fault_of(SPHINX_LANGUAGE, "\\data\\\nngram 1=1\n\n\\1-grams:\n-1"));
}

static void test_something_else(void)
{
    static const char page[] = "<!DOCTYPE html><title>404</title>";
    for (int kind = SPHINX_MDEF; kind <= SPHINX_LINES; kind++)
        g_assert_nonnull(fault_of((enum sphinx_file)kind, page));
}

static void assert_half_is_seen(const char *name, enum sphinx_file kind)
{
    g_autofree char *path = g_strconcat(MODEL, name, NULL);
    g_autofree char *data = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpstr(sphinx_file_fault(kind, data, size), ==, NULL);
    g_assert_cmpstr(sphinx_file_fault(kind, data, size / 2), !=, NULL);
    g_assert_cmpstr(sphinx_file_fault(kind, data, size - 1), !=, NULL);
}

static void test_the_model_of_the_distribution(void)
{
    if (!g_file_test(MODEL, G_FILE_TEST_IS_DIR)) {
        g_test_skip("pocketsphinx-en-us is not installed");
        return;
    }
    assert_half_is_seen("en-us/mdef", SPHINX_MDEF);
    assert_half_is_seen("en-us/means", SPHINX_GAUSSIANS);
    assert_half_is_seen("en-us/variances", SPHINX_GAUSSIANS);
    assert_half_is_seen("en-us/transition_matrices", SPHINX_TRANSITIONS);
    assert_half_is_seen("en-us/sendump", SPHINX_SENDUMP);
    assert_half_is_seen("en-us.lm.bin", SPHINX_LANGUAGE);
    assert_half_is_seen("en-us-phone.lm.bin", SPHINX_LANGUAGE);
    assert_half_is_seen("cmudict-en-us.dict", SPHINX_LINES);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sphinx-files/every-cut-is-seen", test_every_cut_is_seen);
    g_test_add_func("/sphinx-files/a-wrong-bit-is-seen", test_a_wrong_bit_is_seen);
    g_test_add_func("/sphinx-files/either-order-of-bytes", test_either_order_of_bytes);
    g_test_add_func("/sphinx-files/text", test_text);
    g_test_add_func("/sphinx-files/something-else", test_something_else);
    g_test_add_func("/sphinx-files/the-model-of-the-distribution", test_the_model_of_the_distribution);
    return g_test_run();
}
