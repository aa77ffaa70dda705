/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prepare.h"

static void check(const char *words, const char *language, const char *expected)
{
    g_autofree char *sentence = text_sentence_from_words(words, language);
    g_assert_cmpstr(sentence, ==, expected);
}

static void test_bare_words_become_a_sentence(void)
{
    check("good evening and welcome", "en", "Good evening and welcome.");
    check("buenas noches", "es", "Buenas noches.");
    check("él vino", "es", "Él vino.");
    check("éramos pocos", "es", "Éramos pocos.");
}

static void test_english_i_and_contractions(void)
{
    check("it 's what i meant", "en", "It's what I meant.");
    check("i 'm sure i 've seen it", "en-US", "I'm sure I've seen it.");
    check("they do n't know", "en", "They don't know.");
    check("it i i'll", "es", "It i i'll.");
}

static void test_markers_are_removed(void)
{
    check("<s> we read(2) <sil> it [COUGH] ++NOISE++ </s>", "en", "We read it.");
    check("<sil> </s>", "en", "");
    check("(2)", "en", "(2)");
}

static void test_questions_end_as_questions(void)
{
    check("what is the time", "en", "What is the time?");
    check("how many people came", "en", "How many people came?");
    check("are you ready", "en", "Are you ready?");
    check("where's the fire", "en", "Where's the fire?");
    check("what we know is little", "en", "What we know is little.");
    check("do not go there", "en", "Do not go there.");
    check("who", "en", "Who.");
}

static void test_written_text_keeps_its_marks(void)
{
    check("Is that so? He said: no", "en", "Is that so? He said: no.");
    check("Hello , world !", "en", "Hello, world!");
    check("\xc2\xbfQu\xc3\xa9 hora es?", "es", "\xc2\xbfQu\xc3\xa9 hora es?");
}

static void test_nothing_stays_nothing(void)
{
    check("", "en", "");
    check("   \n\t ", "en", "");
    check("\xff\xfe", "en", "");
    check("hello", NULL, "Hello.");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sentence/bare-words-become-a-sentence", test_bare_words_become_a_sentence);
    g_test_add_func("/sentence/english-i-and-contractions", test_english_i_and_contractions);
    g_test_add_func("/sentence/markers-are-removed", test_markers_are_removed);
    g_test_add_func("/sentence/questions-end-as-questions", test_questions_end_as_questions);
    g_test_add_func("/sentence/written-text-keeps-its-marks", test_written_text_keeps_its_marks);
    g_test_add_func("/sentence/nothing-stays-nothing", test_nothing_stays_nothing);
    return g_test_run();
}
