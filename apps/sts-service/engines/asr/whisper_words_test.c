/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_words.h"

static const struct asr_word *word_at(const struct asr_transcript *transcript, guint at)
{
    g_assert_cmpuint(at, <, transcript->words->len);
    return &g_array_index(transcript->words, struct asr_word, at);
}

static void test_tokens_become_words(void)
{
    struct asr_transcript transcript = {0};
    struct whisper_words words = {.transcript = &transcript};
    whisper_words_add(&words, " Good", 0, 200, 0.8);
    whisper_words_add(&words, " even", 200, 400, 1.0);
    whisper_words_add(&words, "ing", 400, 500, 0.5);
    whisper_words_add(&words, ",", 500, 510, 0.9);
    whisper_words_end(&words, 1000);
    g_assert_cmpstr(transcript.text, ==, "Good evening,");
    g_assert_cmpuint(transcript.words->len, ==, 2);
    g_assert_cmpstr(word_at(&transcript, 1)->text, ==, "evening,");
    g_assert_cmpint(word_at(&transcript, 1)->start_ms, ==, 200);
    g_assert_cmpint(word_at(&transcript, 1)->end_ms, ==, 510);
    g_assert_cmpfloat_with_epsilon(word_at(&transcript, 1)->confidence, 0.8, 1e-9);
    g_assert_cmpfloat_with_epsilon(transcript.confidence, 0.8, 1e-9);
    asr_transcript_clear(&transcript);
}

static void test_a_letter_in_two_tokens(void)
{
    struct asr_transcript transcript = {0};
    struct whisper_words words = {.transcript = &transcript};
    whisper_words_add(&words, " ma\xc3", 0, 100, 1.0);
    whisper_words_add(&words,
                      "\xb1"
                      "ana",
                      100, 200, 1.0);
    whisper_words_end(&words, 1000);
    g_assert_cmpstr(transcript.text, ==,
                    "ma\xc3\xb1"
                    "ana");
    asr_transcript_clear(&transcript);
}

static void test_half_a_letter_is_no_broken_text(void)
{
    struct asr_transcript transcript = {0};
    struct whisper_words words = {.transcript = &transcript};
    whisper_words_add(&words, " ma\xc3", 0, 100, 1.0);
    whisper_words_end(&words, 1000);
    g_assert_true(g_utf8_validate(transcript.text, -1, NULL));
    asr_transcript_clear(&transcript);
}

static void test_nothing_is_nothing(void)
{
    struct asr_transcript transcript = {0};
    struct whisper_words words = {.transcript = &transcript};
    whisper_words_add(&words, " ", 0, 100, 1.0);
    whisper_words_end(&words, 1000);
    g_assert_null(transcript.text);
    asr_transcript_clear(&transcript);
}

/* In order and inside, whatever the model says. */
static void assert_times(const int64_t (*times)[2], guint count, int64_t clip_ms)
{
    struct asr_transcript transcript = {0};
    struct whisper_words words = {.transcript = &transcript};
    int64_t last_ms = 0;
    for (guint i = 0; i < count; i++)
        whisper_words_add(&words, " w", times[i][0], times[i][1], 1.0);
    whisper_words_end(&words, clip_ms);
    g_assert_cmpuint(transcript.words->len, ==, count);
    for (guint i = 0; i < count; i++) {
        const struct asr_word *word = word_at(&transcript, i);
        g_assert_cmpint(word->start_ms, >=, last_ms);
        g_assert_cmpint(word->end_ms, >, word->start_ms);
        g_assert_cmpint(word->end_ms, <=, clip_ms);
        last_ms = word->end_ms;
    }
    asr_transcript_clear(&transcript);
}

static void test_times_are_put_in_order(void)
{
    assert_times((const int64_t[][2]){{500, 400}, {100, 90}, {100, 100}}, 3, 1000);
    assert_times((const int64_t[][2]){{990, 1000}, {995, 1000}, {1000, 1000}}, 3, 1000);
    assert_times((const int64_t[][2]){{-100000, -100000}, {-100000, 30000}}, 2, 1000);
    assert_times((const int64_t[][2]){{0, 0}, {0, 0}, {0, 0}}, 3, 1000);
}

/* The model takes the whole of its 30 s for a clip of three. */
static void test_a_window_is_shrunk_to_the_clip(void)
{
    struct asr_transcript transcript = {0};
    struct whisper_words words = {.transcript = &transcript};
    whisper_words_add(&words, " one", 0, 15000, 1.0);
    whisper_words_add(&words, " two", 15000, 30000, 1.0);
    whisper_words_end(&words, 3000);
    g_assert_cmpint(word_at(&transcript, 0)->end_ms, ==, 1500);
    g_assert_cmpint(word_at(&transcript, 1)->end_ms, ==, 3000);
    asr_transcript_clear(&transcript);
}

static void test_whether_it_was_spoken(void)
{
    g_assert_true(whisper_was_spoken(0.0, 0.1));
    g_assert_true(whisper_was_spoken(0.59, 0.1));
    g_assert_true(whisper_was_spoken(0.7, 0.9));
    g_assert_false(whisper_was_spoken(0.7, 0.4));
    g_assert_false(whisper_was_spoken(0.95, 0.99));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/whisper-words/tokens-become-words", test_tokens_become_words);
    g_test_add_func("/whisper-words/a-letter-in-two-tokens", test_a_letter_in_two_tokens);
    g_test_add_func("/whisper-words/half-a-letter-is-no-broken-text", test_half_a_letter_is_no_broken_text);
    g_test_add_func("/whisper-words/nothing-is-nothing", test_nothing_is_nothing);
    g_test_add_func("/whisper-words/times-are-put-in-order", test_times_are_put_in_order);
    g_test_add_func("/whisper-words/a-window-is-shrunk-to-the-clip", test_a_window_is_shrunk_to_the_clip);
    g_test_add_func("/whisper-words/whether-it-was-spoken", test_whether_it_was_spoken);
    return g_test_run();
}
