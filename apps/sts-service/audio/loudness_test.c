/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"
#include "loudness.h"

static void test_level_of_a_tone(void)
{
    pcm_auto tone = test_tone(16000, 1000, 440.0, 0.1);
    struct loudness level = loudness_measure(&tone, -50.0);
    assert_close(level.rms_dbfs, -23.0, 0.1);
    assert_close(level.speech_dbfs, -23.0, 0.1);
    assert_close(level.peak_dbfs, -20.0, 0.1);
    g_assert_cmpint(level.speech_ms, ==, 1000);
}

static void test_pauses_do_not_make_it_quiet(void)
{
    pcm_auto clip = test_tone(16000, 1000, 440.0, 0.1);
    for (size_t i = clip.count / 4; i < clip.count; i++)
        clip.samples[i] = 0;
    struct loudness level = loudness_measure(&clip, -50.0);
    assert_close(level.rms_dbfs, -29.0, 0.1);
    assert_close(level.speech_dbfs, -23.0, 0.3);
    g_assert_cmpint(level.speech_ms, <=, 260);
}

static void test_silence_and_empty(void)
{
    pcm_auto silence = pcm_silence(16000, 100);
    struct pcm empty = {.rate_hz = 16000};
    assert_close(loudness_measure(&silence, -50.0).speech_dbfs, LOUDNESS_SILENCE_DBFS, 0.0);
    assert_close(loudness_measure(&empty, -50.0).peak_dbfs, LOUDNESS_SILENCE_DBFS, 0.0);
    g_assert_false(loudness_may_be_speech(&silence));
    g_assert_false(loudness_may_be_speech(&empty));
    assert_close(loudness_normalise(&silence, -20.0, 40.0), 0.0, 0.0);
}

static void test_gate_wants_level_and_length(void)
{
    pcm_auto quiet = test_tone(16000, 1000, 440.0, 0.002);
    pcm_auto click = test_tone(16000, 40, 440.0, 0.5);
    pcm_auto word = test_tone(16000, 200, 440.0, 0.01);
    g_assert_false(loudness_may_be_speech(&quiet));
    g_assert_false(loudness_may_be_speech(&click));
    g_assert_true(loudness_may_be_speech(&word));
}

static void test_normalise_reaches_the_target(void)
{
    pcm_auto tone = test_tone(16000, 500, 440.0, 0.02);
    assert_close(loudness_normalise(&tone, -20.0, 30.0), 17.0, 0.2);
    assert_close(loudness_measure(&tone, -50.0).speech_dbfs, -20.0, 0.2);
}

static void test_normalise_is_bounded(void)
{
    pcm_auto tone = test_tone(16000, 500, 440.0, 0.02);
    assert_close(loudness_normalise(&tone, -20.0, 6.0), 6.0, 0.01);
    pcm_auto loud = test_tone(16000, 500, 440.0, 0.9);
    assert_close(loudness_normalise(&loud, -20.0, 6.0), -6.0, 0.01);
}

static void test_peaks_bound_the_gain(void)
{
    pcm_auto clip = test_tone(16000, 500, 440.0, 0.02);
    clip.samples[4000] = 16384;
    g_assert_cmpfloat(loudness_normalise(&clip, -20.0, 30.0), <, 5.1);
    g_assert_cmpfloat(loudness_measure(&clip, -50.0).peak_dbfs, <=, LOUDNESS_PEAK_DBFS + 0.01);
}

static void test_speech_is_found_between_silences(void)
{
    pcm_auto clip = pcm_silence(16000, 3000);
    pcm_auto tone = test_tone(16000, 1000, 440.0, 0.1);
    memcpy(clip.samples + 16000, tone.samples, tone.count * sizeof(int16_t));
    struct loudness_span span = loudness_find_speech(&clip, 0);
    g_assert_cmpuint(span.first, ==, 16000);
    g_assert_cmpuint(span.count, ==, 16000);
    span = loudness_find_speech(&clip, 100);
    g_assert_cmpuint(span.first, ==, 14400);
    g_assert_cmpuint(span.count, ==, 19200);
    span = loudness_find_speech(&clip, 5000);
    g_assert_cmpuint(span.first, ==, 0);
    g_assert_cmpuint(span.count, ==, clip.count);
}

static void test_no_speech_is_an_empty_span(void)
{
    pcm_auto silence = pcm_silence(16000, 100);
    struct pcm empty = {.rate_hz = 16000};
    g_assert_cmpuint(loudness_find_speech(&silence, 100).count, ==, 0);
    g_assert_cmpuint(loudness_find_speech(&empty, 100).count, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loudness/level-of-a-tone", test_level_of_a_tone);
    g_test_add_func("/loudness/pauses-do-not-make-it-quiet", test_pauses_do_not_make_it_quiet);
    g_test_add_func("/loudness/silence-and-empty", test_silence_and_empty);
    g_test_add_func("/loudness/gate-wants-level-and-length", test_gate_wants_level_and_length);
    g_test_add_func("/loudness/normalise-reaches-the-target", test_normalise_reaches_the_target);
    g_test_add_func("/loudness/normalise-is-bounded", test_normalise_is_bounded);
    g_test_add_func("/loudness/peaks-bound-the-gain", test_peaks_bound_the_gain);
    g_test_add_func("/loudness/speech-is-found-between-silences", test_speech_is_found_between_silences);
    g_test_add_func("/loudness/no-speech-is-an-empty-span", test_no_speech_is_an_empty_span);
    return g_test_run();
}
