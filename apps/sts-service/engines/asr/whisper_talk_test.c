/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_talk.h"

#include <string.h>

static void assert_prompt(struct whisper_talk *talk, const char *session, const char *const *hints,
                          const char *expected)
{
    g_autofree char *prompt = whisper_talk_prompt(talk, session, "en", hints);
    g_assert_cmpstr(prompt, ==, expected);
}

static void test_each_session_has_its_own(void)
{
    struct whisper_talk *talk = whisper_talk_new();
    assert_prompt(talk, "a", NULL, NULL);
    assert_prompt(talk, NULL, NULL, NULL);
    whisper_talk_keep(talk, "a", 0, "en", "Good evening.");
    assert_prompt(talk, "a", NULL, " Good evening.");
    assert_prompt(talk, "b", NULL, NULL);
    assert_prompt(talk, NULL, NULL, NULL);
    whisper_talk_forget(talk, "a");
    whisper_talk_forget(talk, "never there");
    assert_prompt(talk, "a", NULL, NULL);
    whisper_talk_free(talk);
}

static void test_hints_come_first(void)
{
    static const char *const hints[] = {"Zelensky", "Kyiv", NULL};
    struct whisper_talk *talk = whisper_talk_new();
    assert_prompt(talk, "a", hints, " Zelensky, Kyiv.");
    whisper_talk_keep(talk, "a", 0, "en", "The president.");
    assert_prompt(talk, "a", hints, " Zelensky, Kyiv. The president.");
    whisper_talk_free(talk);
}

static void test_late_fragments_change_nothing(void)
{
    struct whisper_talk *talk = whisper_talk_new();
    whisper_talk_keep(talk, "a", 5, "en", "five");
    whisper_talk_keep(talk, "a", 4, "en", "four");
    assert_prompt(talk, "a", NULL, " five");
    whisper_talk_keep(talk, "a", 6, "en", NULL);
    assert_prompt(talk, "a", NULL, NULL);
    whisper_talk_free(talk);
}

static void test_another_language_is_another_talk(void)
{
    struct whisper_talk *talk = whisper_talk_new();
    whisper_talk_keep(talk, "a", 0, "es", "Buenas noches.");
    assert_prompt(talk, "a", NULL, NULL);
    whisper_talk_free(talk);
}

static void test_it_is_bounded(void)
{
    static const char *hints[200];
    struct whisper_talk *talk = whisper_talk_new();
    g_autoptr(GString) text = g_string_new("first");
    while (text->len < 5000)
        g_string_append(text, " ma\xc3\xb1"
                              "ana");
    for (size_t i = 0; i + 1 < G_N_ELEMENTS(hints); i++)
        hints[i] = "a hint";
    whisper_talk_keep(talk, "a", 0, "en", text->str);
    g_autofree char *prompt = whisper_talk_prompt(talk, "a", "en", hints);
    g_assert_cmpuint(strlen(prompt), <=, WHISPER_TALK_BYTES + WHISPER_TALK_HINT_BYTES + 8);
    g_assert_true(g_utf8_validate(prompt, -1, NULL));
    g_assert_true(g_str_has_suffix(prompt, " ma\xc3\xb1"
                                           "ana"));
    g_assert_true(strstr(prompt, "first") == NULL);
    for (int i = 0; i < 2 * WHISPER_TALK_SESSIONS; i++) {
        g_autofree char *session = g_strdup_printf("s%d", i);
        whisper_talk_keep(talk, session, 0, "en", "x");
        assert_prompt(talk, session, NULL, " x");
    }
    whisper_talk_free(talk);
    whisper_talk_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/whisper-talk/each-session-has-its-own", test_each_session_has_its_own);
    g_test_add_func("/whisper-talk/hints-come-first", test_hints_come_first);
    g_test_add_func("/whisper-talk/late-fragments-change-nothing", test_late_fragments_change_nothing);
    g_test_add_func("/whisper-talk/another-language-is-another-talk", test_another_language_is_another_talk);
    g_test_add_func("/whisper-talk/it-is-bounded", test_it_is_bounded);
    return g_test_run();
}
