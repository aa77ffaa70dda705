/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_process.h>

#include <string.h>

static void test_variables_stay_in_their_words(void)
{
    static const char *const environment[] = {"MTX_PATH=live/a b/in", "EMPTY=", NULL};
    struct dub_error error = {0};
    g_auto(GStrv) words =
        dub_command_split("hook 'two words' \"$MTX_PATH\" ${MTX_PATH}x $EMPTY$NOT_THERE $ ${ $(id) `id` a;b",
                          environment, &error);
    static const char *const expected[] = {"hook", "two words", "live/a b/in", "live/a b/inx", "",  "$",
                                           "${",   "$(id)",     "`id`",        "a;b",          NULL};
    g_assert_nonnull(words);
    g_assert_cmpstrv(words, expected);
    g_assert_null(dub_command_split("hook 'unbalanced", environment, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_null(dub_command_split("   ", NULL, &error));
}

static const struct {
    const char *command;
    const char *words[6]; /* NULL-terminated */
} cases[] = {
    {"a b\tc\n d\n", {"a", "b", "c", "d"}},
    {"'a b'\"c d\"e\\ f", {"a bc de f"}},
    {"'' \"\"", {"", ""}},
    {"'a\\b' '$HOME\"'", {"a\\b", "\""}},
    {"\"a\\\"b\" \"\\x\" \"\\\\\"", {"a\"b", "\\x", "\\"}},
    {"\"a\\\nb\" c\\\nd", {"ab", "cd"}},
    {"\\'a \\\\ \\a", {"'a", "\\", "a"}},
    /* Nothing of a shell. */
    {"#a b #c", {"#a", "b", "#c"}},
    {"a|b > c; d&", {"a|b", ">", "c;", "d&"}},
    {"* ~ {a,b} !x", {"*", "~", "{a,b}", "!x"}},
};

static void test_quoting_rules(void)
{
    static const char *const environment[] = {"HOME=", NULL};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].command);
        g_auto(GStrv) words = dub_command_split(cases[i].command, environment, NULL);
        g_assert_nonnull(words);
        g_assert_cmpstrv(words, cases[i].words);
    }
}

static void test_what_is_wrong_is_said(void)
{
    static const char *const bad[][2] = {
        {"a 'b", "single quote"},  {"a \"b", "double quote"}, {"\"a\\\"", "double quote"},
        {"\"a\\", "double quote"}, {"a \\", "backslash"},     {"", "none"},
        {" \n\t", "none"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct dub_error error = {0};
        g_assert_null(dub_command_split(bad[i][0], NULL, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_nonnull(strstr(error.message, bad[i][1]));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/command/variables-stay-in-their-words", test_variables_stay_in_their_words);
    g_test_add_func("/command/quoting-rules", test_quoting_rules);
    g_test_add_func("/command/what-is-wrong-is-said", test_what_is_wrong_is_said);
    return g_test_run();
}
