/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"
#include "loudness.h"
#include "resample.h"

static void check(int from_hz, int to_hz)
{
    pcm_auto in = test_tone(from_hz, 500, 440.0, 0.5);
    pcm_auto out = {0};
    g_assert_true(pcm_resample(&in, to_hz, &out, NULL));
    g_assert_cmpint(out.rate_hz, ==, to_hz);
    g_assert_cmpint(pcm_duration_ms(&out), ==, 500);
    assert_close(test_pitch_hz(&out), 440.0, 5.0);
    assert_close(loudness_measure(&out, -50).rms_dbfs, loudness_measure(&in, -50).rms_dbfs, 0.2);
}

static void test_tone_keeps_pitch_length_and_level(void)
{
    check(24000, 16000);
    check(22050, 24000);
    check(48000, 16000);
    check(8000, 48000);
    check(44100, 22050);
}

static void test_equal_rates_copy(void)
{
    pcm_auto in = test_tone(16000, 20, 440.0, 0.5);
    pcm_auto out = {0};
    g_assert_true(pcm_resample(&in, 16000, &out, NULL));
    assert_same_samples(&out, &in);
    g_assert_true(out.samples != in.samples);
}

static void test_same_input_same_output(void)
{
    pcm_auto in = test_tone(22050, 100, 1000.0, 0.3);
    pcm_auto first = {0};
    pcm_auto second = {0};
    g_assert_true(pcm_resample(&in, 48000, &first, NULL));
    g_assert_true(pcm_resample(&in, 48000, &second, NULL));
    assert_same_samples(&first, &second);
}

static void test_tiny_and_empty(void)
{
    pcm_auto out = {0};
    struct pcm empty = {.rate_hz = 16000};
    g_assert_true(pcm_resample(&empty, 48000, &out, NULL));
    g_assert_cmpuint(out.count, ==, 0);
    g_assert_cmpint(out.rate_hz, ==, 48000);
    pcm_auto one = pcm_silence(8000, 1);
    pcm_auto more = {0};
    g_assert_true(pcm_resample(&one, 96000, &more, NULL));
    g_assert_cmpuint(more.count, ==, 96);
}

static void test_bad_rates_are_refused(void)
{
    pcm_auto in = test_tone(16000, 20, 440.0, 0.5);
    struct pcm out = {0};
    struct dub_error error = {0};
    g_assert_false(pcm_resample(&in, 100, &out, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    in.rate_hz = 0;
    g_assert_false(pcm_resample(&in, 16000, &out, NULL));
    g_assert_null(out.samples);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/resample/tone-keeps-pitch-length-and-level", test_tone_keeps_pitch_length_and_level);
    g_test_add_func("/resample/equal-rates-copy", test_equal_rates_copy);
    g_test_add_func("/resample/same-input-same-output", test_same_input_same_output);
    g_test_add_func("/resample/tiny-and-empty", test_tiny_and_empty);
    g_test_add_func("/resample/bad-rates-are-refused", test_bad_rates_are_refused);
    return g_test_run();
}
