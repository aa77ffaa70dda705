/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Glossaries, and the texts that they protect. */
#include "glossary.h"

#include "protect.h"
#include <glib/gstdio.h>
#include <string.h>

static const char *const sample = "{\"comment\":\"for tests\",\"names\":[\"Ada Lovelace\",\"C++\"],"
                                  "\"pairs\":{\"en-es\":{\"keep\":[\"BBC\",\"River\"],"
                                  "\"replace\":{\"goalkeeper\":\"portero\",\"river plate\":\"el "
                                  "River\",\"it\xe2\x80\x99s a draw\":\"empate\"}},"
                                  "\"es-en\":{\"replace\":{\"portero\":\"goalie\"}}}}";

static struct glossary *parse(const char *text)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct glossary *glossary = glossary_parse(text, strlen(text), problems);
    g_assert_cmpuint(problems->len, ==, 0);
    return glossary;
}

/* The text as it looks when a translator leaves everything else alone. */
static char *through(const struct glossary *stream, const struct glossary *file, const char *pair,
                     const char *text)
{
    g_auto(GStrv) codes = g_strsplit(pair, ">", 2);
    g_autoptr(GArray) spans = glossary_find(stream, file, codes[0], codes[1], text);
    struct protection protection;
    g_autofree char *protected = protect_text(&protection, text, spans);
    return protect_restore(&protection, protected);
}

static void test_terms_are_kept_and_replaced(void)
{
    static const struct {
        const char *pair, *text, *expected;
    } cases[] = {
        {"en>es", "the goalkeeper of the bbc", "the portero of the BBC"},
        {"en-GB>es-MX", "GOALKEEPER!", "Portero!"},
        {"en>es", "Goalkeeper one. goalkeeper two", "Portero one. Portero two"},
        {"en>es", "goalkeepers, mygoalkeeper, goalkeeper's", "goalkeepers, mygoalkeeper, portero's"},
        {"en>es", "River Plate and river  plate on the river", "El River and el River on the River"},
        {"en>es", "ada  lovelace wrote c++ code", "Ada Lovelace wrote C++ code"},
        {"en>fr", "ada lovelace and the goalkeeper", "Ada Lovelace and the goalkeeper"},
        {"es>en", "el portero", "el goalie"},
        {"en>es", "It's a draw.", "Empate."},
        {"en>es", "It\xe2\x80\x99s a draw.", "Empate."},
        {"en>es", "nothing", "nothing"},
        {"en>es", "", ""},
        {"?>es", "goalkeeper", "goalkeeper"},
    };
    struct glossary *glossary = parse(sample);
    g_assert_cmpuint(glossary_size(glossary), ==, 8);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = through(NULL, glossary, cases[i].pair, cases[i].text);
        g_assert_cmpstr(text, ==, cases[i].expected);
    }
    glossary_free(glossary);
    glossary_free(NULL);
}

static void test_a_stream_comes_first(void)
{
    char *keep[] = {(char *)"Gol", NULL};
    char *replace[] = {(char *)"goalkeeper", (char *)"arquero", NULL};
    struct glossary *file = parse(sample);
    struct glossary *stream = glossary_for_stream(keep, replace, NULL);
    g_autofree char *text = through(stream, file, "en>es", "the goalkeeper, gol, bbc");
    g_assert_cmpstr(text, ==, "the arquero, Gol, BBC");
    g_autofree char *longest = through(stream, file, "en>es", "river plate");
    g_assert_cmpstr(longest, ==, "El River");
    glossary_free(stream);
    glossary_free(file);
    struct glossary *none = glossary_for_stream(NULL, NULL, NULL);
    g_assert_cmpuint(glossary_size(none), ==, 0);
    glossary_free(none);
}

static void test_a_stream_is_refused(void)
{
    char *keep[] = {(char *)"\xff", (char *)"...", NULL};
    char *replace[] = {(char *)"a", (char *)"\x01", NULL};
    struct dub_error error = {0};
    g_assert_null(glossary_for_stream(keep, replace, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "config.glossary: 3 problems"));
    g_assert_nonnull(strstr(error.message, "UTF-8"));
    g_assert_nonnull(strstr(error.message, "letter"));
    g_assert_nonnull(strstr(error.message, "control"));
}

/* Terms that look like patterns, formats or a translator's marks are terms like any other. */
static void test_hostile_terms(void)
{
    static const char *const terms[] = {
        "a.*b", "^cat$", "[x",       "%s%n",     "\\1 back", "*star", "@home",
        "#tag", "$5",    "\xc3\xb1", "zqxaaaaa", "Zqxaaaab", "I",     "\xf0\x9f\x98\x80 1"};
    for (gsize i = 0; i < G_N_ELEMENTS(terms); i++) {
        char *replace[] = {(char *)terms[i], (char *)"value", NULL};
        struct glossary *glossary = glossary_for_stream(NULL, replace, NULL);
        g_autofree char *text = g_strdup_printf("see %s here and zqxaaaaa", terms[i]);
        g_autofree char *done = through(glossary, NULL, "en>es", text);
        g_autofree char *expected = g_strdup_printf("see value here and %s", i == 10 ? "value" : "zqxaaaaa");
        g_assert_cmpstr(done, ==, expected);
        glossary_free(glossary);
    }
}

static void test_made_up_words_are_not_in_the_text(void)
{
    g_autoptr(GString) text = g_string_new("goalkeeper");
    struct glossary *glossary = parse(sample);
    struct protection protection;
    for (int last = 'a'; last <= 'z'; last++)
        g_string_append_printf(text, " ZQXAA%c", last);
    g_autoptr(GArray) spans = glossary_find(NULL, glossary, "en", "es", text->str);
    g_autofree char *protected = protect_text(&protection, text->str, spans);
    g_assert_true(g_str_has_prefix(protected, "Zqxabaaa ZQXAAa"));
    glossary_free(glossary);
}

static void test_matches_are_bounded(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 500; i++)
        g_string_append(text, "bbc ");
    struct glossary *glossary = parse(sample);
    g_autoptr(GArray) spans = glossary_find(NULL, glossary, "en", "es", text->str);
    g_assert_cmpuint(spans->len, ==, PROTECT_MAX_SPANS);
    glossary_free(glossary);
}

static void test_what_a_translator_does_to_made_up_words(void)
{
    static const struct {
        const char *answer, *expected;
    } cases[] = {
        {"el ZQXAAAAA y Zqxaaaab.", "el portero y BBC."},
        {"\xc2\xbfzqxaaaaa? zqxaaaab", "\xc2\xbfPortero? BBC"},
        {"Zqxaaaab, Zqxaaaab, Zqxaaaaa", "BBC, BBC, portero"},
        {"el Zqxaaaaa", NULL},
        {"el Zqxaaaaa y Zqxaaaaz Zqxaaaa", NULL},
        {"", NULL},
    };
    struct glossary *glossary = parse(sample);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct protection protection;
        g_autoptr(GArray) spans = glossary_find(NULL, glossary, "en", "es", "a goalkeeper and the BBC");
        g_autofree char *protected = protect_text(&protection, "a goalkeeper and the BBC", spans);
        g_assert_cmpstr(protected, ==, "a Zqxaaaaa and the Zqxaaaab");
        g_autofree char *restored = protect_restore(&protection, cases[i].answer);
        g_assert_cmpstr(restored, ==, cases[i].expected);
    }
    glossary_free(glossary);
}

static void assert_refused(const char *text, const char *const *says)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_assert_null(glossary_parse(text, strlen(text), problems));
    g_ptr_array_add(problems, NULL);
    g_autofree char *all = g_strjoinv("; ", (char **)problems->pdata);
    for (; *says; says++)
        if (!strstr(all, *says))
            g_error("\"%s\" does not say \"%s\"", all, *says);
}

#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_every_problem_is_named(void)
{
    assert_refused("", SAYS(""));
    assert_refused("[]", SAYS("object"));
    assert_refused("{\"name\":[]}", SAYS("\"name\" is not known"));
    assert_refused("{\"names\":7,\"pairs\":[]}", SAYS("names: a list", "pairs: an object"));
    assert_refused("{\"names\":[1,\"!\",\"a\\u0001b\"]}", SAYS("entry 0", "without a letter", "control"));
    assert_refused("{\"pairs\":{\"english\":{},\"en-es\":{\"kept\":[],\"keep\":{},\"replace\":[]}}}",
                   SAYS("\"english\"", "pairs.en-es.kept: is not known", "pairs.en-es.keep: a list",
                        "pairs.en-es.replace: an object"));
    assert_refused("{\"pairs\":{\"en-es\":{\"replace\":{\"a\":1,\"b\":\"\"}}}}",
                   SAYS("\"a\" has no string", "without a letter"));
    assert_refused("{\"names\":[\"Goal\",\"goal \"]}", SAYS("\"goal\" is there twice"));
    assert_refused("{\"names\":[\"a b c d e f g h i j k l m\"]}", SAYS("more than 12 words"));
    g_autofree char *name = g_strnfill(129, 'x');
    g_autofree char *longer = g_strdup_printf("{\"names\":[\"%s\"]}", name);
    assert_refused(longer, SAYS("128 bytes"));
    g_autoptr(GString) many = g_string_new("{\"names\":[\"x\"");
    for (int i = 0; i < GLOSSARY_MAX_TERMS; i++)
        g_string_append_printf(many, ",\"x%d\"", i);
    g_string_append(many, "]}");
    assert_refused(many->str, SAYS("more than 2000 terms"));
}

/* 39 letters and one of two bytes: the fortieth byte is in its middle. */
#define LONG_NAME "aaaaaaaaaabbbbbbbbbbccccccccccddddddddd\xc3\xb1o"

static void test_shown_names_are_whole(void)
{
    static const char *const texts[] = {
        "{\"" LONG_NAME "\":1}",
        "{\"pairs\":{\"" LONG_NAME "\":1}}",
        "{\"pairs\":{\"en-es\":{\"replace\":{\"" LONG_NAME "\":1}}}}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
        g_assert_null(glossary_parse(texts[i], strlen(texts[i]), problems));
        g_assert_cmpuint(problems->len, ==, 1);
        g_assert_true(g_utf8_validate(problems->pdata[0], -1, NULL));
        g_assert_nonnull(strstr(problems->pdata[0], "ddddddddd\""));
    }
}

static void test_files(void)
{
    struct dub_error error = {0};
    g_assert_null(glossary_load("/no/such/glossary.json", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "/no/such/glossary.json"));
    g_autofree char *dir = g_dir_make_tmp("glossary-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "glossary.json", NULL);
    g_assert_true(g_file_set_contents(path, "{\"names\":[1,2]}", -1, NULL));
    g_assert_null(glossary_load(path, &error));
    g_assert_nonnull(strstr(error.message, "2 problems"));
    g_assert_nonnull(strstr(error.message, path));
    g_assert_true(g_file_set_contents(path, sample, -1, NULL));
    struct glossary *glossary = glossary_load(path, &error);
    g_assert_nonnull(glossary);
    glossary_free(glossary);
    g_assert_true(g_file_set_contents(path, "", -1, NULL));
    g_assert_null(glossary_load(path, &error));
    g_autofree char *big = g_strnfill((1 << 20) + 1, ' ');
    g_assert_true(g_file_set_contents(path, big, -1, NULL));
    g_assert_null(glossary_load(path, &error));
    g_assert_nonnull(strstr(error.message, "1 MiB"));
    g_unlink(path);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/glossary/terms-are-kept-and-replaced", test_terms_are_kept_and_replaced);
    g_test_add_func("/glossary/a-stream-comes-first", test_a_stream_comes_first);
    g_test_add_func("/glossary/a-stream-is-refused", test_a_stream_is_refused);
    g_test_add_func("/glossary/hostile-terms", test_hostile_terms);
    g_test_add_func("/glossary/made-up-words-are-not-in-the-text", test_made_up_words_are_not_in_the_text);
    g_test_add_func("/glossary/matches-are-bounded", test_matches_are_bounded);
    g_test_add_func("/glossary/what-a-translator-does-to-made-up-words",
                    test_what_a_translator_does_to_made_up_words);
    g_test_add_func("/glossary/every-problem-is-named", test_every_problem_is_named);
    g_test_add_func("/glossary/shown-names-are-whole", test_shown_names_are_whole);
    g_test_add_func("/glossary/files", test_files);
    return g_test_run();
}
