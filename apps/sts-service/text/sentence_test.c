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
    check("which team will win", "en", "Which team will win?");
    check("which is why we won", "en", "Which is why we won.");
    check("what happened to them", "en", "What happened to them?");
    check("what happened there was a surprise", "en", "What happened there was a surprise.");
    check("what happened", "en", "What happened?");
    check("who", "en", "Who.");
    check("what time is it", "en", "What time is it?");
    check("who won the match", "en", "Who won the match?");
    check("so which of them do you like", "en", "So which of them do you like?");
    check("don't you think so", "en", "Don't you think so?");
    check("when will they come", "en", "When will they come?");
    check("when the sun is high we rest", "en", "When the sun is high we rest.");
    check("is spain ready", "en", "Is Spain ready.");
    check("qué hora es", "es", "¿Qué hora es?");
    check("y por qué no viene", "es", "¿Y por qué no viene?");
    check("que venga", "es", "Que venga.");
    check("was ist das", "de", "Was ist das.");
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

static void test_only_fillers_are_nothing(void)
{
    check("um", "en", "");
    check("uh <p> um <sil> hmm", "en", "");
    check("Um, uh...", "en", "");
    check("Hmm.", "en", "");
    check("eh", "es", "");
    check("um what time is it", "en", "What time is it?");
}

static void test_spelled_letters_are_joined(void)
{
    check("the b. b. c. and the u. s. army", "en", "The BBC and the US army.");
    check("the u.s. and the u s", "en", "The US and the US.");
    check("an i b m computer", "en", "An IBM computer.");
    check("i saw a b c", "en", "I saw ABC.");
    check("what i a fool", "en", "What I a fool.");
    check("mr. jones came", "en", "Mr. Jones came.");
}

static void test_numbers_become_digits(void)
{
    check("there were twenty five of us in nineteen eighty four", "en", "There were 25 of us in 1984.");
    check("five people", "en", "Five people.");
    check("two hundred people", "en", "200 people.");
}

static void test_openings_have_a_comma(void)
{
    check("yes of course", "en", "Yes, of course.");
    check("no i do n't think so", "en", "No, I don't think so.");
    check("well we lost", "en", "Well, we lost.");
    check("no man is an island", "en", "No man is an island.");
    check("well done", "en", "Well done.");
    check("yes", "en", "Yes.");
    check("no thank you", "en", "No thank you.");
    check("yes da", "de", "Yes da.");
}

static void test_names_and_scores(void)
{
    check("on monday spain beat italy three to one in new york", "en",
          "On Monday Spain beat Italy 3-1 in New York.");
    check("the third of may nineteen eighty four", "en", "The third of May 1984.");
    check("on may twenty first", "en", "On May 21st.");
    check("may i go", "en", "May I go?");
    check("may the best man win", "en", "May the best man win.");
    check("el lunes en estados unidos", "es", "El lunes en Estados Unidos.");
}

static void test_long_runs_are_split(void)
{
    check("the government has announced a new plan today and it will cost five million euros in all but we "
          "do not "
          "know who will pay for it",
          "en",
          "The government has announced a new plan today. And it will cost five million euros in all. But we "
          "do "
          "not know who will pay for it.");
    check("we went home and we ate", "en", "We went home and we ate.");
    check(
        "el gobierno ha anunciado un plan nuevo para el año que viene pero no se sabe quién lo va a pagar",
        "es",
        "El gobierno ha anunciado un plan nuevo para el año que viene. Pero no se sabe quién lo va a pagar.");
}

static void test_pauses_split(void)
{
    check("good evening everybody <p> how are you today", "en", "Good evening everybody. How are you today?");
    check("good <p> evening everybody", "en", "Good evening everybody.");
    check("<p> good evening <p>", "en", "Good evening.");
    check("<p>", "en", "");
    check("Good evening <p> Madam.", "en", "Good evening Madam.");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sentence/bare-words-become-a-sentence", test_bare_words_become_a_sentence);
    g_test_add_func("/sentence/english-i-and-contractions", test_english_i_and_contractions);
    g_test_add_func("/sentence/markers-are-removed", test_markers_are_removed);
    g_test_add_func("/sentence/questions-end-as-questions", test_questions_end_as_questions);
    g_test_add_func("/sentence/written-text-keeps-its-marks", test_written_text_keeps_its_marks);
    g_test_add_func("/sentence/spelled-letters-are-joined", test_spelled_letters_are_joined);
    g_test_add_func("/sentence/numbers-become-digits", test_numbers_become_digits);
    g_test_add_func("/sentence/openings-have-a-comma", test_openings_have_a_comma);
    g_test_add_func("/sentence/names-and-scores", test_names_and_scores);
    g_test_add_func("/sentence/long-runs-are-split", test_long_runs_are_split);
    g_test_add_func("/sentence/pauses-split", test_pauses_split);
    g_test_add_func("/sentence/only-fillers-are-nothing", test_only_fillers_are_nothing);
    g_test_add_func("/sentence/nothing-stays-nothing", test_nothing_stays_nothing);
    return g_test_run();
}
