/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_file.h"

#include "piper_test_support.h"

static void assert_fault(const void *data, gsize size, const char *what)
{
    const char *fault = piper_file_fault(data, size);
    if (!fault || !strstr(fault, what))
        g_error("\"%s\" is not \"%s\"", fault ? fault : "", what);
}

static void test_voices_are_whole(void)
{
    static const char *const kinds[] = {"voice", "speakers", "letters", "slow"};
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        gsize size = 0;
        g_autofree char *data = tiny_piper_bytes(kinds[i], &size);
        g_assert_cmpstr(piper_file_fault(data, size), ==, NULL);
    }
}

/* Wherever it is cut. */
static void test_cut_short(void)
{
    gsize size = 0;
    g_autofree char *data = tiny_piper_bytes("voice", &size);
    for (gsize cut = 0; cut < size; cut++)
        g_assert_nonnull(piper_file_fault(data, cut));
    assert_fault(data, 0, "is cut short");
    assert_fault(data, size / 2, "is cut short");
    assert_fault(data, size - 1, "is cut short");
}

static void test_something_else(void)
{
    static const char text[] = "<html>404 not found</html>";
    assert_fault(text, sizeof text, "is damaged, or no ONNX model");
    assert_fault("\x08\x08", 2, "is damaged, or no ONNX model");
    assert_fault("\x07\x08", 2, "is damaged, or no ONNX model");
}

/* Another model of the same format: its inputs have other names. */
static void test_no_voice(void)
{
    gsize size = 0;
    g_autofree char *data = tiny_piper_bytes("voice", &size);
    guint renamed = 0;
    for (char *name = data; (name = memmem(name, size - (gsize)(name - data), "scales", 6)); renamed++)
        *name = 'x';
    g_assert_cmpuint(renamed, >, 0);
    assert_fault(data, size, "is no voice of Piper");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piper-file/voices-are-whole", test_voices_are_whole);
    g_test_add_func("/piper-file/cut-short", test_cut_short);
    g_test_add_func("/piper-file/something-else", test_something_else);
    g_test_add_func("/piper-file/no-voice", test_no_voice);
    return g_test_run();
}
