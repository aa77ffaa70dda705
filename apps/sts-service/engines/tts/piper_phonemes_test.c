/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_phonemes.h"

#include <string.h>

/* Numbers are easy to read: pad 0, begin 1, end 2, marks 10 to 16, letters from 20 on. */
#define VOICE                                                                                                \
    "{\"audio\":{\"sample_rate\":22050},\"espeak\":{\"voice\":\"es\"},\"phoneme_map\":{\"x\":[\"a\",\"b\"]}" \
    ","                                                                                                      \
    "\"phoneme_id_map\":{\"_\":[0],\"^\":[1],\"$\":[2],\".\":[10],\"?\":[11],\",\":[12],\" \":[13],"         \
    "\"a\":[20],\"b\":[21],\"c\":[22,23],\"\xcc\x83\":[24],\"o\":[25]}}"

struct fixture {
    struct piper_voice *voice;
    struct piper_phonemes phonemes;
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    fixture->voice = piper_voice_parse(VOICE, strlen(VOICE), problems);
    g_assert_nonnull(fixture->voice);
    fixture->phonemes = (struct piper_phonemes){.voice = fixture->voice};
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    piper_voice_free(fixture->voice);
}

static char *numbers_of(const GArray *sentence)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < sentence->len; i++)
        g_string_append_printf(text, "%s%d", i > 0 ? " " : "", (int)g_array_index(sentence, int64_t, i));
    return g_string_free(text, FALSE);
}

/* expected: a sentence a line; NULL: nothing. */
static void assert_said(struct fixture *fixture, const char *expected)
{
    g_autoptr(GPtrArray) sentences = piper_phonemes_end(&fixture->phonemes);
    g_autoptr(GString) said = g_string_new(NULL);
    for (guint i = 0; sentences && i < sentences->len; i++) {
        g_autofree char *numbers = numbers_of(sentences->pdata[i]);
        g_string_append_printf(said, "%s%s", i > 0 ? "\n" : "", numbers);
    }
    g_assert_true((sentences != NULL) == (expected != NULL));
    g_assert_cmpstr(said->str, ==, expected ? expected : "");
}

static void test_padding_and_bounds(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "ab", '.');
    assert_said(fixture, "1 0 20 0 21 0 10 0 2");
    g_assert_cmpuint(fixture->phonemes.unknown, ==, 0);
}

static void test_clauses_of_a_sentence(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "a", ',');
    piper_phonemes_add_clause(&fixture->phonemes, "b", '?');
    piper_phonemes_add_clause(&fixture->phonemes, "a", ' ');
    piper_phonemes_add_clause(&fixture->phonemes, "b", '\n');
    piper_phonemes_add_clause(&fixture->phonemes, "a", '\n');
    assert_said(fixture, "1 0 20 0 12 0 13 0 21 0 11 0 2\n1 0 20 0 13 0 21 0 2\n1 0 20 0 2");
}

/* A mark that the voice was not trained with is none of the text's unknown characters. */
static void test_marks_that_the_voice_has_not(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "a", '!');
    piper_phonemes_add_clause(&fixture->phonemes, "b", ';');
    assert_said(fixture, "1 0 20 0 2\n1 0 21 0 13 0 2");
    g_assert_cmpuint(fixture->phonemes.unknown, ==, 0);
}

static void test_several_numbers_and_other_phonemes(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "cx", '\n');
    assert_said(fixture, "1 0 22 23 0 20 0 21 0 2");
}

static void test_letters_are_taken_apart(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "\xc3\xb5", '\n');
    assert_said(fixture, "1 0 25 0 24 0 2");
}

static void test_flags_of_languages_are_dropped(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "a(en)b(es)a", '\n');
    /* One that does not end takes its clause with it, not the next. */
    piper_phonemes_add_clause(&fixture->phonemes, "b(en", ' ');
    piper_phonemes_add_clause(&fixture->phonemes, "a", '\n');
    assert_said(fixture, "1 0 20 0 21 0 20 0 2\n1 0 21 0 13 0 20 0 2");
}

static void test_unknown_ones_are_skipped_and_counted(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "aqz_^$b", '\n');
    g_assert_cmpuint(fixture->phonemes.unknown, ==, 5);
    g_assert_cmpuint(fixture->phonemes.unknown_one, ==, 'q');
    assert_said(fixture, "1 0 20 0 21 0 2");
}

static void test_nothing_to_say(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_clause(&fixture->phonemes, "", '.');
    piper_phonemes_add_clause(&fixture->phonemes, "zzz", '?');
    piper_phonemes_add_clause(&fixture->phonemes, " . ", '.');
    piper_phonemes_add_letters(&fixture->phonemes, "?! , .");
    assert_said(fixture, NULL);
    piper_phonemes_add_clause(&fixture->phonemes, "", '.');
    piper_phonemes_add_clause(&fixture->phonemes, "a", '.');
    assert_said(fixture, "1 0 20 0 10 0 2");
}

static void test_letters_of_a_text(struct fixture *fixture, gconstpointer user)
{
    piper_phonemes_add_letters(&fixture->phonemes, "AB. b\xc3\x95? a.b");
    assert_said(fixture, "1 0 20 0 21 0 10 0 2\n1 0 21 0 25 0 24 0 11 0 2\n1 0 20 0 10 0 21 0 2");
    piper_phonemes_add_letters(&fixture->phonemes, "a\xff"
                                                   "b");
    assert_said(fixture, "1 0 20 0 21 0 2");
}

/* Lengths of the sentences that so many clauses of so many letters become. */
static guint longest_of(struct fixture *fixture, const char *clause, guint times, guint *count)
{
    for (guint i = 0; i < times; i++)
        piper_phonemes_add_clause(&fixture->phonemes, clause, ',');
    g_autoptr(GPtrArray) sentences = piper_phonemes_end(&fixture->phonemes);
    guint longest = 0;
    *count = sentences ? sentences->len : 0;
    for (guint i = 0; i < *count; i++)
        longest = MAX(longest, ((const GArray *)sentences->pdata[i])->len);
    return longest;
}

static void test_long_sentences_are_cut(struct fixture *fixture, gconstpointer user)
{
    guint count = 0;
    guint longest = longest_of(fixture, "abababababababababab", 200, &count);
    g_assert_cmpuint(count, >, 5);
    g_assert_cmpuint(longest, <=, PIPER_CUT_AT_CLAUSE + 50);

    g_autofree char *words = g_strnfill(6000, 'a');
    for (gsize i = 9; i < 6000; i += 10)
        words[i] = ' ';
    longest = longest_of(fixture, words, 1, &count);
    g_assert_cmpuint(count, >, 5);
    g_assert_cmpuint(longest, <=, PIPER_CUT_AT_BLANK + 30);

    g_autofree char *word = g_strnfill(6000, 'a');
    longest = longest_of(fixture, word, 1, &count);
    g_assert_cmpuint(count, ==, 7);
    g_assert_cmpuint(longest, <=, PIPER_CUT_ANYWHERE + 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/piper-phonemes/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("padding-and-bounds", test_padding_and_bounds);
    ADD("clauses-of-a-sentence", test_clauses_of_a_sentence);
    ADD("marks-that-the-voice-has-not", test_marks_that_the_voice_has_not);
    ADD("several-numbers-and-other-phonemes", test_several_numbers_and_other_phonemes);
    ADD("letters-are-taken-apart", test_letters_are_taken_apart);
    ADD("flags-of-languages-are-dropped", test_flags_of_languages_are_dropped);
    ADD("unknown-ones-are-skipped-and-counted", test_unknown_ones_are_skipped_and_counted);
    ADD("nothing-to-say", test_nothing_to_say);
    ADD("letters-of-a-text", test_letters_of_a_text);
    ADD("long-sentences-are-cut", test_long_sentences_are_cut);
    return g_test_run();
}
