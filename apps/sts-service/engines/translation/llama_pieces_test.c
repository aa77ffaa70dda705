/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_pieces.h"

#include <string.h>

static void assert_pieces(const char *text, size_t max_bytes, bool one_sentence, const char *expected)
{
    g_auto(GStrv) pieces = llama_pieces(text, max_bytes, one_sentence);
    g_autofree char *joined = g_strjoinv("|", pieces);
    g_assert_cmpstr(joined, ==, expected);
}

static void test_what_fits_stays_together(void)
{
    assert_pieces("Good evening. How are you?", 100, false, "Good evening. How are you?");
    assert_pieces("Good evening. How are you? Fine.", 30, false, "Good evening. How are you?|Fine.");
    assert_pieces("Good evening", 100, false, "Good evening");
}

static void test_one_sentence_at_a_time(void)
{
    assert_pieces("Good evening. How are you? Fine!", 100, true, "Good evening.|How are you?|Fine!");
    assert_pieces("今日は晴れ。明日は雨？", 100, true, "今日は晴れ。|明日は雨？");
}

static void test_abbreviations_end_none(void)
{
    assert_pieces("Mr. Smith of the U.S. Army left. He waved.", 100, true,
                  "Mr. Smith of the U.S. Army left.|He waved.");
    assert_pieces("He paid 3.50 for it. I said no. Then we left.", 100, true,
                  "He paid 3.50 for it.|I said no.|Then we left.");
}

static void test_it_is_one_line(void)
{
    assert_pieces("one\ntwo\r\nthree\ttabs\x01 end ", 100, false, "one two  three tabs  end");
}

static void test_marks_are_no_piece(void)
{
    assert_pieces("Wait. ... ! Go.", 100, true, "Wait. ... !|Go.");
    assert_pieces("... ! Go.", 100, true, "Go.");
    assert_pieces("", 100, false, "");
}

static void test_what_is_too_long_is_cut(void)
{
    assert_pieces("one two three four five", 10, true, "one two|three four|five");
    assert_pieces("äöüäöüäöü", 8, true, "äöüä|öüäö|ü");
    g_autofree char *endless = g_strnfill(16000, 'a');
    g_auto(GStrv) pieces = llama_pieces(endless, 300, false);
    g_assert_cmpuint(g_strv_length(pieces), ==, 54);
    for (char **piece = pieces; *piece; piece++)
        g_assert_cmpuint(strlen(*piece), <=, 300);
}

static void test_marks_beyond_bounds_are_dropped(void)
{
    g_autoptr(GString) text = g_string_new("Yes. ");
    for (int i = 0; i < 1000; i++)
        g_string_append(text, "! ");
    g_auto(GStrv) pieces = llama_pieces(text->str, 50, true);
    g_assert_cmpuint(g_strv_length(pieces), ==, 1);
    g_assert_cmpuint(strlen(pieces[0]), <=, 50);
}

static void test_put_together(void)
{
    char *latin[] = {(char *)"Hola.", (char *)"Adiós.", NULL};
    char *wide[] = {(char *)"今日は。", (char *)"明日。", NULL};
    char *none[] = {NULL};
    g_autofree char *spaced = llama_pieces_join(latin);
    g_autofree char *close = llama_pieces_join(wide);
    g_autofree char *empty = llama_pieces_join(none);
    g_assert_cmpstr(spaced, ==, "Hola. Adiós.");
    g_assert_cmpstr(close, ==, "今日は。明日。");
    g_assert_cmpstr(empty, ==, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/llama-pieces/what-fits-stays-together", test_what_fits_stays_together);
    g_test_add_func("/llama-pieces/one-sentence-at-a-time", test_one_sentence_at_a_time);
    g_test_add_func("/llama-pieces/abbreviations-end-none", test_abbreviations_end_none);
    g_test_add_func("/llama-pieces/it-is-one-line", test_it_is_one_line);
    g_test_add_func("/llama-pieces/marks-are-no-piece", test_marks_are_no_piece);
    g_test_add_func("/llama-pieces/what-is-too-long-is-cut", test_what_is_too_long_is_cut);
    g_test_add_func("/llama-pieces/marks-beyond-bounds-are-dropped", test_marks_beyond_bounds_are_dropped);
    g_test_add_func("/llama-pieces/put-together", test_put_together);
    return g_test_run();
}
