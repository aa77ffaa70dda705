/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hints.h"

#include <string.h>

static char *describe(const struct hints *hints)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < hints->phrases->len; i++) {
        const GArray *phrase = hints->phrases->pdata[i];
        for (guint j = 0; j < phrase->len; j++)
            g_string_append_printf(out, "%s%s", j > 0 ? " " : "",
                                   g_array_index(phrase, struct hint_word, j).text);
        g_string_append_c(out, '|');
    }
    return g_string_free(out, FALSE);
}

static const struct {
    const char *hint, *words;
} readings[] = {
    {"Zelensky", "zelensky|"},
    {"UEFA Super Cup", "uefa super cup|"},
    {"  spaces\tand\nlines ", "spaces and lines|"},
    {"P\xc3\xa9rez-Reverte", "perez reverte|"},
    {"O'Brien", "o'brien|"},
    {"O\xe2\x80\x99"
     "Brien",
     "o'brien|"},
    {"St. Moritz", "st moritz|"},
    {"BBC", "bbc|"},
    {"", ""},
    {"'", ""},
    {"1990", ""},
    {"Apollo 11", ""},
    {"\xd0\x9a\xd0\xb8\xd0\xb5\xd0\xb2", ""},
    {"one two three four five six", "one two three four five six|"},
    {"one two three four five six seven", ""},
    {"abcdefghijklmnopqrstuvwxyzabcdef", "abcdefghijklmnopqrstuvwxyzabcdef|"},
    {"abcdefghijklmnopqrstuvwxyzabcdefg", ""},
};

static void test_hints_become_words(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(readings); i++) {
        const char *const list[] = {readings[i].hint, NULL};
        hints_auto hints = hints_parse(list);
        g_autofree char *words = describe(hints);
        g_test_message("\"%s\"", readings[i].hint);
        g_assert_cmpstr(words, ==, readings[i].words);
        g_assert_true((hints->ignored == NULL) == (*words != '\0'));
    }
}

static const char *spoken(const struct hints *hints)
{
    const GArray *phrase = hints->phrases->pdata[0];
    return g_array_index(phrase, struct hint_word, 0).spoken;
}

static void test_capitals_without_vowels_are_spelled(void)
{
    static const struct {
        const char *hint, *spoken;
    } cases[] = {{"BBC", "b b c"}, {"NATO", "nato"}, {"bbc", "bbc"}, {"X", "x"}, {"BCDFGH", "bcdfgh"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const list[] = {cases[i].hint, NULL};
        hints_auto hints = hints_parse(list);
        g_assert_cmpstr(spoken(hints), ==, cases[i].spoken);
    }
}

static void test_none(void)
{
    const char *const empty[] = {NULL};
    g_assert_null(hints_parse(NULL));
    g_assert_null(hints_parse(empty));
    hints_free(NULL);
}

static void test_bad_ones_are_named_and_good_ones_kept(void)
{
    const char *const list[] = {"42", "Pedri", "\xe6\x97\xa5\xe6\x9c\xac", NULL};
    hints_auto hints = hints_parse(list);
    g_autofree char *words = describe(hints);
    g_assert_cmpstr(words, ==, "pedri|");
    g_assert_nonnull(strstr(hints->ignored, "\"42\""));
    g_assert_true(g_utf8_validate(hints->ignored, -1, NULL));
}

static void test_what_is_named_is_cut_and_stays_text(void)
{
    g_autofree char *longish = g_strnfill(39, '7');
    g_autofree char *hint = g_strconcat(longish, "\xe6\x97\xa5\xe6\x9c\xac", NULL);
    const char *const list[] = {hint, "\xff", NULL};
    hints_auto hints = hints_parse(list);
    g_assert_true(g_utf8_validate(hints->ignored, -1, NULL));
    g_assert_cmpuint(strlen(hints->ignored), <, 60);
}

static void test_their_number_is_bounded(void)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (int i = 0; i < HINTS_MAX_PHRASES + 10; i++) {
        g_autofree char *word = g_strdup_printf("word%c%c", 'a' + i / 26, 'a' + i % 26);
        g_strv_builder_add(builder, word);
    }
    g_auto(GStrv) list = g_strv_builder_end(builder);
    hints_auto hints = hints_parse((const char *const *)list);
    g_assert_cmpuint(hints->phrases->len, ==, HINTS_MAX_PHRASES);
    g_assert_nonnull(hints->ignored);
}

static void test_equal_vocabularies_have_equal_keys(void)
{
    const char *const one[] = {"Pedri", "Super Cup", NULL};
    const char *const same[] = {" pedri ", "super-cup", NULL};
    const char *const other[] = {"pedri super", "cup", NULL};
    hints_auto a = hints_parse(one);
    hints_auto b = hints_parse(same);
    hints_auto c = hints_parse(other);
    g_assert_cmpstr(a->key, ==, b->key);
    g_assert_cmpstr(a->key, !=, c->key);
}

static bool is_not_missing(const char *word, void *user)
{
    return strcmp(word, "missing") != 0;
}

static void test_language_model(void)
{
    const char *const list[] = {"Super Cup", "cup", "missing words", "super cup", NULL};
    hints_auto hints = hints_parse(list);
    g_autofree char *arpa = hints_language_model(hints, 0.001, is_not_missing, NULL);
    g_assert_cmpstr(arpa, ==,
                    "\\data\\\nngram 1=4\nngram 2=3\n\n\\1-grams:\n-99.0000 <s> 0.0\n-99.0000 </s> 0.0\n"
                    "-3.0000 cup 0.0\n-3.0000 super 0.0\n\n\\2-grams:\n-0.3010 super cup\n-3.0000 <s> cup\n"
                    "-3.0000 <s> super\n\n\\end\\\n");
}

static bool is_nothing(const char *word, void *user)
{
    return false;
}

static void test_no_language_model_without_words(void)
{
    const char *const list[] = {"Super Cup", NULL};
    hints_auto hints = hints_parse(list);
    g_assert_null(hints_language_model(hints, 0.001, is_nothing, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hints/hints-become-words", test_hints_become_words);
    g_test_add_func("/hints/capitals-without-vowels-are-spelled", test_capitals_without_vowels_are_spelled);
    g_test_add_func("/hints/none", test_none);
    g_test_add_func("/hints/bad-ones-are-named-and-good-ones-kept",
                    test_bad_ones_are_named_and_good_ones_kept);
    g_test_add_func("/hints/what-is-named-is-cut-and-stays-text", test_what_is_named_is_cut_and_stays_text);
    g_test_add_func("/hints/their-number-is-bounded", test_their_number_is_bounded);
    g_test_add_func("/hints/equal-vocabularies-have-equal-keys", test_equal_vocabularies_have_equal_keys);
    g_test_add_func("/hints/language-model", test_language_model);
    g_test_add_func("/hints/no-language-model-without-words", test_no_language_model_without_words);
    return g_test_run();
}
