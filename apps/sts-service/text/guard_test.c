/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guard.h"

#define SENTENCE "this is a sentence of about sixty letters which takes a while"

/* loud_ms -1: not known. */
static const struct {
    const char *name, *text;
    int64_t duration_ms, loud_ms;
    enum guard_verdict verdict;
} transcripts[] = {
    {"an ordinary sentence", "good evening and welcome to the news", 2000, 1800, GUARD_OK},
    {"nobody spoke", "", 1000, 0, GUARD_OK},
    {"a figure", "7", 400, 300, GUARD_OK},
    {"another script", "\xd0\x94\xd0\xb0", 500, 400, GUARD_OK},
    {"not UTF-8 among words", "good \xff evening", 2000, 1800, GUARD_OK},

    {"dots", "...", 1000, 900, GUARD_NO_LETTERS},
    {"signs and bytes", " .,!\xff\xe2\x80\x94", 1000, 900, GUARD_NO_LETTERS},
    {"notes of music", "\xe2\x99\xaa \xe2\x99\xaa", 3000, 2900, GUARD_NO_LETTERS},

    {"emphasis", "no no no no no", 2000, 1900, GUARD_OK},
    {"a farewell", "bye bye bye bye", 2000, 1900, GUARD_OK},
    {"a chorus", "row row row your boat row row row your boat", 4000, 3900, GUARD_OK},
    {"a correction", "we want to say we want to say that it is over", 4000, 3900, GUARD_OK},
    {"a drawn out vowel", "noooo", 900, 800, GUARD_OK},
    {"a million", "1000000000", 3000, 2900, GUARD_OK},
    {"two characters twice", "\xe8\xb0\xa2\xe8\xb0\xa2\xe8\xb0\xa2\xe8\xb0\xa2", 2000, 1900, GUARD_OK},
    {"a phrase over and over", "thank you. Thank you, thank you thank you", 9000, 8000, GUARD_REPETITION},
    {"a word over and over", "so the the the the the the end", 9000, 8000, GUARD_REPETITION},
    {"a clause over and over", "we went to the sea we went to the sea we went to the sea", 9000, 8000,
     GUARD_REPETITION},
    {"a whole sentence over and over",
     "i do not know what he wants to say i do not know what he wants to say i do not know what he wants to "
     "say",
     20000, 19000, GUARD_REPETITION},
    {"a character over and over",
     "\xe8\xb0\xa2\xe8\xb0\xa2\xe8\xb0\xa2\xe8\xb0\xa2\xe8\xb0\xa2\xe8\xb0\xa2\xe8\xb0\xa2", 9000, 8000,
     GUARD_REPETITION},
    {"a letter that got stuck", "aaaaaaaaaaaaaaaa", 4000, 3900, GUARD_REPETITION},

    {"fast speech", SENTENCE, 3000, 2800, GUARD_OK},
    {"no duration known", SENTENCE, 0, -1, GUARD_OK},
    {"more than can be said", SENTENCE, 1000, 900, GUARD_TOO_MUCH},
    {"more wide characters than can be said",
     "\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94\xe5\xbe\x88\xe5\xa5\xbd\xe6\x88\x91\xe4\xbb\xac\xe5"
     "\x8e"
     "\xbb\xe5\x85\xac\xe5\x9b\xad\xe5\x90\xa7\xe4\xbd\xa0\xe8\xaf\xb4",
     400, 390, GUARD_TOO_MUCH},

    {"a short word in a pause", "yes", 2500, 240, GUARD_OK},
    {"a sentence with pauses", "good evening and welcome", 6000, 1100, GUARD_OK},
    {"a credit over a click", "thank you for watching", 3000, 80, GUARD_SILENCE},
    {"a word in silence", "subscribe", 3000, 0, GUARD_SILENCE},
};

static void test_transcripts(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(transcripts); i++) {
        enum guard_verdict verdict =
            transcripts[i].loud_ms < 0
                ? guard_transcript(transcripts[i].text, transcripts[i].duration_ms)
                : guard_transcript_of_sound(transcripts[i].text, transcripts[i].duration_ms,
                                            transcripts[i].loud_ms);
        g_test_message("%s: %s", transcripts[i].name, guard_verdict_text(verdict));
        g_assert_cmpint(verdict, ==, transcripts[i].verdict);
    }
}

static const struct {
    const char *name, *source, *translated;
    enum guard_verdict verdict;
} translations[] = {
    {"a greeting", "good evening", "buenas noches", GUARD_OK},
    {"a short word grows", "ok", "de acuerdo", GUARD_OK},
    {"nothing to translate", "...", "", GUARD_OK},
    {"a figure", "1990", "1990", GUARD_OK},
    {"a wide script becomes letters",
     "\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94\xe5\xbe\x88\xe5\xa5\xbd\xe6\x88\x91\xe4\xbb\xac\xe5"
     "\x8e"
     "\xbb\xe5\x85\xac\xe5\x9b\xad",
     "The weather is fine today, let us go to the park together", GUARD_OK},
    {"letters become a wide script", "The weather is fine today, let us go to the park",
     "\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94\xe5\xbe\x88\xe5\xa5\xbd", GUARD_OK},
    {"a repetition that the source has", "no no no no no no no", "no no no no no no no", GUARD_OK},

    {"nothing left", "hello", "", GUARD_DISPROPORTION},
    {"much more than was said", "hello", "hola, este es un texto que nadie ha dicho nunca",
     GUARD_DISPROPORTION},
    {"much less than was said", SENTENCE, "no", GUARD_DISPROPORTION},
    {"no letters left", "hello", "--", GUARD_NO_LETTERS},
    {"a repetition of its own", "never do that again please", "no no no no no no no", GUARD_REPETITION},
    {"a letter that got stuck", "never do that again please", "nuncaaaaaaaaaa", GUARD_REPETITION},
};

static void test_translations(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(translations); i++) {
        enum guard_verdict verdict = guard_translation(translations[i].source, translations[i].translated);
        g_test_message("%s: %s", translations[i].name, guard_verdict_text(verdict));
        g_assert_cmpint(verdict, ==, translations[i].verdict);
    }
}

static void test_letters(void)
{
    g_assert_false(guard_has_letters(""));
    g_assert_false(guard_has_letters(" .,!\xff\xe2\x80\x94"));
    g_assert_true(guard_has_letters("\xd0\x94"));
    g_assert_true(guard_has_letters("7"));
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
    g_test_add_func("/guard/transcripts", test_transcripts);
    g_test_add_func("/guard/translations", test_translations);
    g_test_add_func("/guard/letters", test_letters);
    g_test_add_func("/guard/verdicts-have-texts", test_verdicts_have_texts);
    return g_test_run();
}
