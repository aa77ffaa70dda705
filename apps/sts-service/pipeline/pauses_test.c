/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pauses.h"

struct timed_word {
    const char *text;
    int64_t start_ms;
    int64_t end_ms;
};

static void check(const struct timed_word *words, guint count, const char *expected)
{
    struct asr_transcript transcript = {.text = g_strdup("as a whole")};
    for (guint i = 0; i < count; i++)
        asr_transcript_add_word(&transcript, words[i].text, words[i].start_ms, words[i].end_ms, 1.0);
    g_autofree char *marked = pauses_mark(&transcript);
    g_assert_cmpstr(marked, ==, expected);
    asr_transcript_clear(&transcript);
}

static void test_a_pause_is_marked(void)
{
    static const struct timed_word words[] = {
        {"good", 0, 200}, {"evening", 200, 700}, {"how", 700 + SENTENCE_PAUSE_MS, 1100}, {"are", 1100, 1200}};
    check(words, G_N_ELEMENTS(words), "good evening <p> how are");
}

static void test_a_breath_is_no_pause(void)
{
    static const struct timed_word words[] = {
        {"good", 0, 200}, {"evening", 200, 700}, {"all", 700 + SENTENCE_PAUSE_MS - 1, 1100}};
    check(words, G_N_ELEMENTS(words), "good evening all");
}

/* Words that overlap, and silence before the first. */
static void test_odd_times(void)
{
    static const struct timed_word words[] = {
        {"late", 2000, 2400}, {"overlap", 2200, 2600}, {"end", 3000, 2900}};
    check(words, G_N_ELEMENTS(words), "late overlap <p> end");
}

static void test_without_words_the_text_stands(void)
{
    check(NULL, 0, "as a whole");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pauses/a-pause-is-marked", test_a_pause_is_marked);
    g_test_add_func("/pauses/a-breath-is-no-pause", test_a_breath_is_no_pause);
    g_test_add_func("/pauses/odd-times", test_odd_times);
    g_test_add_func("/pauses/without-words-the-text-stands", test_without_words_the_text_stands);
    return g_test_run();
}
