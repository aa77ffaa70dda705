/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_text.h>

#include <glib.h>

static void test_short_text_is_whole(void)
{
    g_assert_cmpint(dub_text_cut("", 0), ==, 0);
    g_assert_cmpint(dub_text_cut("", 5), ==, 0);
    g_assert_cmpint(dub_text_cut("abc", 3), ==, 3);
    g_assert_cmpint(dub_text_cut("\xc3\xb1", 2), ==, 2);
}

static void test_every_cut_is_between_characters(void)
{
    static const char text[] = "a\xc3\xb1\xe2\x82\xac\xf0\x9f\x8e\x99z\xc3\xb1o";
    for (int max = 0; max <= (int)sizeof(text); max++) {
        int cut = dub_text_cut(text, max);
        g_assert_cmpint(cut, <=, max);
        g_assert_true(g_utf8_validate(text, cut, NULL));
        /* No more is lost than the character that does not fit. */
        g_assert_cmpint(cut, >=, MIN(max, (int)sizeof(text) - 1) - 3);
    }
}

static void test_what_is_not_utf8_is_cut_too(void)
{
    static const char text[] = "\x80\x80\x80\x80\x80\x80\x80\x80";
    g_assert_cmpint(dub_text_cut(text, 6), ==, 3);
    g_assert_cmpint(dub_text_cut(text, 2), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/short-text-is-whole", test_short_text_is_whole);
    g_test_add_func("/text/every-cut-is-between-characters", test_every_cut_is_between_characters);
    g_test_add_func("/text/what-is-not-utf8-is-cut-too", test_what_is_not_utf8_is_cut_too);
    return g_test_run();
}
