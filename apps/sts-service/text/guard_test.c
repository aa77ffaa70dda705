/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard.h"

static void test_ordinary_text_passes(void)
{
    g_assert_cmpint(guard_transcript("good evening and welcome to the news", 2000), ==, GUARD_OK);
    g_assert_cmpint(guard_transcript("no no no", 1000), ==, GUARD_OK);
    g_assert_cmpint(guard_transcript("", 1000), ==, GUARD_OK);
    g_assert_cmpint(guard_translation("good evening", "buenas noches"), ==, GUARD_OK);
}

static void test_text_without_letters(void)
{
    g_assert_cmpint(guard_transcript("...", 1000), ==, GUARD_NO_LETTERS);
    g_assert_cmpint(guard_translation("hello", "--"), ==, GUARD_NO_LETTERS);
    g_assert_false(guard_has_letters(" .,!\xff\xe2\x80\x94"));
    g_assert_true(guard_has_letters("\xd0\x94"));
    g_assert_true(guard_has_letters("7"));
}

static void test_loops_are_found(void)
{
    g_assert_cmpint(guard_transcript("thank you. Thank you, thank you thank you", 9000), ==,
                    GUARD_REPETITION);
    g_assert_cmpint(guard_transcript("so the the the the the the end", 9000), ==, GUARD_REPETITION);
    g_assert_cmpint(guard_transcript("we went to the sea we went to the sea we went to the sea", 9000), ==,
                    GUARD_REPETITION);
}

static void test_emphasis_is_no_loop(void)
{
    g_assert_cmpint(guard_transcript("no no no no no", 9000), ==, GUARD_OK);
    g_assert_cmpint(guard_transcript("bye bye bye bye", 9000), ==, GUARD_OK);
    g_assert_cmpint(guard_transcript("row row row your boat row row row your boat", 9000), ==, GUARD_OK);
}

static void test_more_than_can_be_said(void)
{
    const char *text = "this is a sentence of about sixty letters which takes a while";
    g_assert_cmpint(guard_transcript(text, 1000), ==, GUARD_TOO_MUCH);
    g_assert_cmpint(guard_transcript(text, 3000), ==, GUARD_OK);
    g_assert_cmpint(guard_transcript(text, 0), ==, GUARD_OK);
}

static void test_proportion_of_a_translation(void)
{
    g_assert_cmpint(guard_translation("hello", ""), ==, GUARD_DISPROPORTION);
    g_assert_cmpint(guard_translation("hello", "hola, este es un texto que nadie ha dicho nunca"), ==,
                    GUARD_DISPROPORTION);
    g_assert_cmpint(guard_translation("this is a sentence of about sixty letters which takes a while", "no"),
                    ==, GUARD_DISPROPORTION);
    g_assert_cmpint(guard_translation("ok", "de acuerdo"), ==, GUARD_OK);
    g_assert_cmpint(guard_translation("...", ""), ==, GUARD_OK);
}

static void test_wide_scripts_weigh_more(void)
{
    g_assert_cmpint(guard_translation("今天天气很好我们去公园",
                                      "The weather is fine today, let us go to the park together"),
                    ==, GUARD_OK);
}

static void test_repetition_that_the_source_has(void)
{
    const char *source = "no no no no no no no";
    g_assert_cmpint(guard_translation(source, "no no no no no no no"), ==, GUARD_OK);
    g_assert_cmpint(guard_translation("never do that again please", "no no no no no no no"), ==,
                    GUARD_REPETITION);
}

static void test_verdicts_have_texts(void)
{
    g_assert_cmpstr(guard_verdict_text(GUARD_OK), ==, "ok");
    g_assert_nonnull(g_strstr_len(guard_verdict_text(GUARD_DISPROPORTION), -1, "proportion"));
    g_assert_cmpstr(guard_verdict_text((enum guard_verdict)99), ==, "unknown");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guard/ordinary-text-passes", test_ordinary_text_passes);
    g_test_add_func("/guard/text-without-letters", test_text_without_letters);
    g_test_add_func("/guard/loops-are-found", test_loops_are_found);
    g_test_add_func("/guard/emphasis-is-no-loop", test_emphasis_is_no_loop);
    g_test_add_func("/guard/more-than-can-be-said", test_more_than_can_be_said);
    g_test_add_func("/guard/proportion-of-a-translation", test_proportion_of_a_translation);
    g_test_add_func("/guard/wide-scripts-weigh-more", test_wide_scripts_weigh_more);
    g_test_add_func("/guard/repetition-that-the-source-has", test_repetition_that_the_source_has);
    g_test_add_func("/guard/verdicts-have-texts", test_verdicts_have_texts);
    return g_test_run();
}
