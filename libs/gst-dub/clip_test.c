/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clip, resample and loudness: what happens to a dub between the service and the mixer. */
#include "clip.h"
#include "loudness.h"
#include "resample.h"
#include "samples.h"

#include <math.h>

static float *tone(double hz, double amplitude, unsigned n_samples, unsigned rate_hz)
{
    float *samples = g_new(float, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] = (float)(amplitude * sin(2 * M_PI * hz * i / rate_hz));
    return samples;
}

static int16_t *tone_s16(double hz, double amplitude, unsigned n_samples, unsigned rate_hz)
{
    int16_t *samples = g_new(int16_t, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] = (int16_t)lrint(32767 * amplitude * sin(2 * M_PI * hz * i / rate_hz));
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

static void test_resampling_keeps_place_and_level(void)
{
    static const unsigned rates[][2] = {{24000, 48000}, {22050, 48000}, {48000, 24000}, {16000, 48000}};
    for (gsize r = 0; r < G_N_ELEMENTS(rates); r++) {
        unsigned from = rates[r][0];
        unsigned to = rates[r][1];
        unsigned n_result;
        g_autofree float *in = tone(500, 0.5, from, from);
        g_autofree float *out = dub_resample(in, from, from, to, &n_result);
        g_assert_cmpuint(n_result, ==, to);
        for (unsigned i = to / 20; i < to - to / 20; i++)
            g_assert_cmpfloat(fabs((double)out[i] - 0.5 * sin(2 * M_PI * 500 * i / to)), <, 0.02);
    }
}

static void test_resampling_keeps_the_end(void)
{
    unsigned n_result;
    g_autofree float *in = g_new0(float, 24000);
    in[23990] = 0.5f;
    g_autofree float *out = dub_resample(in, 24000, 24000, 48000, &n_result);
    unsigned peak = 0;
    for (unsigned i = 0; i < n_result; i++)
        peak = fabsf(out[i]) > fabsf(out[peak]) ? i : peak;
    g_assert_cmpint(ABS((int)peak - 47980), <=, 1);
}

static void test_insane_rates_are_refused(void)
{
    unsigned n_result;
    float in[10] = {0};
    g_assert_null(dub_resample(in, 10, 0, 48000, &n_result));
    g_assert_null(dub_resample(in, 10, 48000, 1000000, &n_result));
    g_assert_null(dub_resample(in, 0, 24000, 48000, &n_result));
    g_assert_cmpuint(n_result, ==, 0);
}

static void test_clip_is_as_loud_as_its_source(void)
{
    struct dub_clip clip;
    struct dub_error error;
    g_autofree int16_t *source = tone_s16(400, 0.2, 2 * DUB_RATE_HZ, DUB_RATE_HZ);
    g_autofree int16_t *dub = tone_s16(400, 0.1, 2 * 24000, 24000);
    double lufs = dub_clip_loudness_lufs(source, 2 * DUB_RATE_HZ, DUB_RATE_HZ);
    g_assert_true(dub_clip_prepare(dub, 2 * 24000, 24000, lufs, &clip, &error));
    g_assert_cmpuint(clip.n_samples, ==, 2 * DUB_RATE_HZ);
    float peak = 0;
    for (unsigned i = 0; i < clip.n_samples; i++)
        peak = fmaxf(peak, fabsf(clip.samples[i]));
    g_assert_cmpfloat(fabs(20 * log10((double)peak / 0.2)), <, 0.2);
    /* The edges begin and end at nothing. */
    g_assert_true(clip.samples[0] == 0 && clip.samples[clip.n_samples - 1] == 0);
    g_free(clip.samples);
}

static void test_unusable_sound_is_refused(void)
{
    struct dub_clip clip;
    struct dub_error error;
    int16_t sound[100] = {0};
    g_assert_false(dub_clip_prepare(sound, 100, 7999, -20, &clip, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_nonnull(strstr(error.message, "7999"));
    g_assert_false(dub_clip_prepare(sound, 0, 24000, -20, &clip, &error));
    g_assert_false(dub_clip_prepare(NULL, 10, 24000, -20, &clip, &error));
    g_assert_false(dub_clip_prepare(sound, 8000 * DUB_CLIP_MAX_S, 8000, -20, &clip, &error));
}

static void test_sending_keeps_the_duration(void)
{
    unsigned n_result;
    g_autofree int16_t *in = tone_s16(300, 0.5, 123456, DUB_RATE_HZ);
    g_autofree int16_t *out = dub_clip_resample_s16(in, 123456, DUB_RATE_HZ, 24000, &n_result);
    g_assert_cmpuint(n_result, ==, 61728);
    g_assert_cmpint(ABS(out[30000] - in[60000]), <, 200);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clip/loudness-of-the-reference-tone", test_loudness_of_the_reference_tone);
    g_test_add_func("/clip/pauses-do-not-count", test_pauses_do_not_count);
    g_test_add_func("/clip/silence-has-no-loudness", test_silence_has_no_loudness);
    g_test_add_func("/clip/match-is-bounded", test_match_is_bounded);
    g_test_add_func("/clip/resampling-keeps-place-and-level", test_resampling_keeps_place_and_level);
    g_test_add_func("/clip/resampling-keeps-the-end", test_resampling_keeps_the_end);
    g_test_add_func("/clip/insane-rates-are-refused", test_insane_rates_are_refused);
    g_test_add_func("/clip/is-as-loud-as-its-source", test_clip_is_as_loud_as_its_source);
    g_test_add_func("/clip/unusable-sound-is-refused", test_unusable_sound_is_refused);
    g_test_add_func("/clip/sending-keeps-the-duration", test_sending_keeps_the_duration);
    return g_test_run();
}
