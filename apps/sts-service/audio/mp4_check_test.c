/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "m4a_test_support.h"
#include "mp4_check.h"

/* A box of zeros: size counts header and payload. */
static void add_box(GByteArray *file, const char *type, guint32 size)
{
    guint start = file->len;
    g_byte_array_set_size(file, start + size);
    memset(file->data + start, 0, size);
    test_put_be32(file->data + start, size);
    memcpy(file->data + start + 4, type, 4);
}

static GByteArray *small_file(void)
{
    GByteArray *file = g_byte_array_new();
    add_box(file, "ftyp", 24);
    add_box(file, "moov", 16);
    add_box(file, "mdat", 40);
    return file;
}

static bool check(const GByteArray *file, struct dub_error *error)
{
    return mp4_check(file->data, file->len, error);
}

static void assert_refused(GByteArray *take_file, const char *message)
{
    struct dub_error error = {0};
    g_assert_false(check(take_file, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    if (!strstr(error.message, message))
        g_error("\"%s\" is not in \"%s\"", message, error.message);
    g_byte_array_unref(take_file);
}

static void test_whole_file(void)
{
    g_autoptr(GByteArray) file = small_file();
    g_assert_true(check(file, NULL));
    g_assert_true(mp4_begins(file->data, file->len));
    g_assert_false(mp4_begins("RIFF....WAVE", 12));
    g_assert_false(mp4_begins(file->data, 7));
}

static void test_open_and_64_bit_sizes(void)
{
    g_autoptr(GByteArray) file = small_file();
    test_put_be32(file->data + 40, 0); /* the last box: to the end */
    g_assert_true(check(file, NULL));
    test_put_be32(file->data + 40, 1);
    test_put_be32(file->data + 52, 40);
    g_assert_true(check(file, NULL));
}

static void test_other_data(void)
{
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, (const guint8 *)"RIFF....WAVEfmt ", 16);
    assert_refused(file, "ftyp");
    assert_refused(g_byte_array_new(), "ftyp");
    file = small_file();
    test_put_be32(file->data, 7);
    assert_refused(file, "ftyp");
}

static void test_cut_off_anywhere(void)
{
    for (guint size = 0; size < 80; size++) {
        GByteArray *file = small_file();
        g_byte_array_set_size(file, size);
        /* Between the boxes nothing is seen to be missing. */
        if (size == 40)
            g_byte_array_unref(file);
        else
            assert_refused(file, size < 8 ? "ftyp" : size == 24 ? "moov" : "cut off");
    }
}

static void test_sizes_that_lie(void)
{
    static const guint32 sizes[] = {2, 7, 17, 0x7fffffff, 0xffffffff};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        GByteArray *file = small_file();
        test_put_be32(file->data + 24, sizes[i]);
        assert_refused(file, "at byte");
    }
    GByteArray *file = small_file();
    test_put_be32(file->data + 40, 1); /* 64 bits of zero follow */
    assert_refused(file, "at byte 40");
}

static void test_too_much_beside_the_sound(void)
{
    GByteArray *file = small_file();
    add_box(file, "mdat", MP4_MAX_TABLE_BYTES + 100);
    g_assert_true(check(file, NULL));
    add_box(file, "free", MP4_MAX_TABLE_BYTES);
    assert_refused(file, "1024 KiB");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mp4-check/whole-file", test_whole_file);
    g_test_add_func("/mp4-check/open-and-64-bit-sizes", test_open_and_64_bit_sizes);
    g_test_add_func("/mp4-check/other-data-is-named", test_other_data);
    g_test_add_func("/mp4-check/cut-off-anywhere", test_cut_off_anywhere);
    g_test_add_func("/mp4-check/sizes-that-lie", test_sizes_that_lie);
    g_test_add_func("/mp4-check/too-much-beside-the-sound", test_too_much_beside_the_sound);
    return g_test_run();
}
