/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clip.h"

#include "samples.h"

#include <math.h>

static int16_t *tone_s16(double hz, double amplitude, unsigned n_samples, unsigned rate_hz)
{
    int16_t *samples = g_new(int16_t, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] = (int16_t)lrint(32767 * amplitude * sin(2 * M_PI * hz * i / rate_hz));
    return samples;
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

static void test_speed_up_keeps_level_and_soft_edges(void)
{
    struct dub_clip clip;
    struct dub_error error;
    g_autofree int16_t *dub = tone_s16(300, 0.2, 24000, 24000);
    g_assert_true(dub_clip_prepare(dub, 24000, 24000, -INFINITY, &clip, &error));
    static const gint cancelled = 1;
    g_assert_false(dub_clip_speed_up(&clip, 1.25, &cancelled));
    g_assert_cmpuint(clip.n_samples, ==, 48000);
    g_assert_true(dub_clip_speed_up(&clip, 1.25, NULL));
    g_assert_cmpuint(clip.n_samples, ==, 38400);
    g_assert_cmpfloat(fabsf(clip.samples[0]), <, 0.001f);
    g_assert_cmpfloat(fabsf(clip.samples[38399]), <, 0.001f);
    double power = 0;
    for (unsigned i = 0; i < 38400; i++)
        power += (double)clip.samples[i] * (double)clip.samples[i] / 38400;
    g_assert_cmpfloat(fabs(10 * log10(power) - 10 * log10(0.02)), <, 1);
    g_free(clip.samples);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clip/is-as-loud-as-its-source", test_clip_is_as_loud_as_its_source);
    g_test_add_func("/clip/unusable-sound-is-refused", test_unusable_sound_is_refused);
    g_test_add_func("/clip/speed-up-keeps-level-and-soft-edges", test_speed_up_keeps_level_and_soft_edges);
    g_test_add_func("/clip/sending-keeps-the-duration", test_sending_keeps_the_duration);
    return g_test_run();
}
