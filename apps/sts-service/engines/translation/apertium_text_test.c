/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_text.h"

static void check_to(const char *text, const char *expected)
{
    g_autofree char *stream = apertium_text_to_stream(text);
    g_assert_cmpstr(stream, ==, expected);
}

static void check_from(const char *stream, const char *source, const char *expected)
{
    g_autofree char *text = apertium_text_from_stream(stream, source);
    g_assert_cmpstr(text, ==, expected);
}

static void test_text_becomes_a_stream(void)
{
    check_to("Hello.", "Hello.\n");
    check_to("Hello", "Hello.\n");
    check_to("Hello \n", "Hello.\n");
    check_to("one\ntwo!", "one two!\n");
    check_to("it\xe2\x80\x99s", "it's.\n");
}

static void test_reserved_characters_are_escaped(void)
{
    check_to("$5/[x]{y}<b>^@*#~\\.", "\\$5\\/\\[x\\]\\{y\\}\\<b\\>\\^\\@\\*\\#\\~\\\\.\n");
}

static void test_stream_becomes_text(void)
{
    check_from("Hola.\n", "Hello.", "Hola.");
    check_from("Hola.\n", "Hello", "Hola");
    check_from("Hola", "Hello", "Hola");
    check_from("a[<b>]c \\[x\\] \\*", "x.", "ac [x] *");
    check_from("a[unclosed", "x.", "a");
    check_from("a\\", "x.", "a\\");
    check_from("", "x", "");
}

static void test_marks_are_dropped(void)
{
    check_from("El *qwxyz #ser @thing.\n", "The qwxyz be thing.", "El qwxyz ser thing.");
    check_from("Vidas del #dr. y ~de.\n", "x.", "Vidas del dr. y de.");
    check_from("Hay #prpers aqu\xc3\xad.\n", "x.", "Hay  aqu\xc3\xad.");
}

static void test_unknown_words_are_counted(void)
{
    g_assert_cmpuint(apertium_text_count_unknown("El *gato *negro."), ==, 2);
    g_assert_cmpuint(apertium_text_count_unknown("El \\*gato * negro *."), ==, 0);
    g_assert_cmpuint(apertium_text_count_unknown(""), ==, 0);
}

static void test_unknown_words_are_capitalised(void)
{
    g_autofree char *text = apertium_text_capitalise_unknown("En *london y *paris.", "In london and paris.");
    g_assert_cmpstr(text, ==, "In London and Paris.");
    g_autofree char *twice =
        apertium_text_capitalise_unknown("*ada con *ada", "ada with ada, not adam nor xada");
    g_assert_cmpstr(twice, ==, "Ada with Ada, not adam nor xada");
    g_autofree char *two = apertium_text_capitalise_unknown("nuevo *york", "new york, new hopes");
    g_assert_cmpstr(two, ==, "New York, new hopes");
    g_assert_null(apertium_text_capitalise_unknown("En Londres.", "In London."));
    g_assert_null(apertium_text_capitalise_unknown("*London", "London"));
    g_assert_null(apertium_text_capitalise_unknown("*elsewhere", "not in here"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apertium-text/text-becomes-a-stream", test_text_becomes_a_stream);
    g_test_add_func("/apertium-text/reserved-characters-are-escaped", test_reserved_characters_are_escaped);
    g_test_add_func("/apertium-text/stream-becomes-text", test_stream_becomes_text);
    g_test_add_func("/apertium-text/marks-are-dropped", test_marks_are_dropped);
    g_test_add_func("/apertium-text/unknown-words-are-counted", test_unknown_words_are_counted);
    g_test_add_func("/apertium-text/unknown-words-are-capitalised", test_unknown_words_are_capitalised);
    return g_test_run();
}
