/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loudness.h"

#include <glib.h>
#include <math.h>

static float *tone(double hz, double amplitude, unsigned n_samples, unsigned rate_hz)
{
    float *samples = g_new(float, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] = (float)(amplitude * sin(2 * M_PI * hz * i / rate_hz));
    return samples;
}

/* BS.1770: a tone of 997 Hz at 0 dBFS in one channel is -3.01 LUFS, at any rate. */
static void test_loudness_of_the_reference_tone(void)
{
    static const unsigned rates[] = {16000, 24000, 44100, 48000};
    for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
        g_autofree float *samples = tone(997, 1, 3 * rates[i], rates[i]);
        g_assert_cmpfloat(fabs(dub_loudness_lufs(samples, 3 * rates[i], rates[i]) + 3.01), <, 0.1);
    }
}

static void test_pauses_do_not_count(void)
{
    g_autofree float *samples = tone(997, 0.1, 10 * 24000, 24000);
    for (unsigned i = 3 * 24000; i < 10 * 24000; i++)
        samples[i] = 0;
    g_assert_cmpfloat(fabs(dub_loudness_lufs(samples, 10 * 24000, 24000) + 23.01), <, 0.5);
}

static void test_silence_has_no_loudness(void)
{
    float silence[1000] = {0};
    g_assert_true(isinf(dub_loudness_lufs(silence, 1000, 24000)));
    g_assert_true(isinf(dub_loudness_lufs(silence, 0, 24000)));
    g_assert_true(dub_loudness_match(-INFINITY, -20) == 1);
    g_assert_true(dub_loudness_match(-20, -INFINITY) == 1);
}

static void test_match_is_bounded(void)
{
    g_assert_cmpfloat(fabs(20 * log10((double)dub_loudness_match(-26, -20)) - 6), <, 0.01);
    g_assert_cmpfloat(fabs(20 * log10((double)dub_loudness_match(-50, -20)) - 12), <, 0.01);
    g_assert_cmpfloat(fabs(20 * log10((double)dub_loudness_match(-10, -40)) + 12), <, 0.01);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loudness/loudness-of-the-reference-tone", test_loudness_of_the_reference_tone);
    g_test_add_func("/loudness/pauses-do-not-count", test_pauses_do_not_count);
    g_test_add_func("/loudness/silence-has-no-loudness", test_silence_has_no_loudness);
    g_test_add_func("/loudness/match-is-bounded", test_match_is_bounded);
    return g_test_run();
}
