/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clip.h"

#include "loudness.h"
#include "resample.h"
#include "samples.h"
#include "stretch.h"
#include <math.h>

#define MIN_RATE_HZ 8000
#define MAX_RATE_HZ 96000
#define FADE_IN_SAMPLES DUB_MS_TO_SAMPLES(5)
#define FADE_OUT_SAMPLES DUB_MS_TO_SAMPLES(20)

static float *to_float(const int16_t *samples, unsigned n_samples)
{
    float *result = g_new(float, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        result[i] = samples[i] * (1.0f / 32768);
    return result;
}

static int16_t *to_s16(const float *samples, unsigned n_samples)
{
    int16_t *result = g_new(int16_t, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        result[i] = (int16_t)CLAMP(lrintf(samples[i] * 32768), INT16_MIN, INT16_MAX);
    return result;
}

int16_t *dub_clip_resample_s16(const int16_t *samples, unsigned n_samples, unsigned from_hz, unsigned to_hz,
                               unsigned *n_result)
{
    g_autofree float *in = to_float(samples, n_samples);
    g_autofree float *out = dub_resample(in, n_samples, from_hz, to_hz, n_result);
    return to_s16(out, *n_result);
}

double dub_clip_loudness_lufs(const int16_t *samples, unsigned n_samples, unsigned rate_hz)
{
    g_autofree float *in = to_float(samples, n_samples);
    return dub_loudness_lufs(in, n_samples, rate_hz);
}

static bool check(const int16_t *samples, unsigned n_samples, unsigned rate_hz, struct dub_error *error)
{
    if (rate_hz < MIN_RATE_HZ || rate_hz > MAX_RATE_HZ)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "the dub has %u Hz, allowed is %u to %u",
                             rate_hz, MIN_RATE_HZ, MAX_RATE_HZ);
    if (samples == NULL || n_samples == 0)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "the dub is empty");
    if (n_samples / rate_hz >= DUB_CLIP_MAX_S)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "the dub lasts %u s, allowed is %u s",
                             n_samples / rate_hz, DUB_CLIP_MAX_S);
    return true;
}

static void scale(float *samples, unsigned n_samples, float gain)
{
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] *= gain;
}

static void fade_edges(float *samples, unsigned n_samples)
{
    unsigned in = (unsigned)MIN(FADE_IN_SAMPLES, n_samples / 2);
    unsigned out = (unsigned)MIN(FADE_OUT_SAMPLES, n_samples / 2);
    for (unsigned i = 0; i < in; i++)
        samples[i] *= (float)i / (float)in;
    for (unsigned i = 0; i < out; i++)
        samples[n_samples - 1 - i] *= (float)i / (float)out;
}

bool dub_clip_prepare(const int16_t *samples, unsigned n_samples, unsigned rate_hz, double source_lufs,
                      struct dub_clip *clip, struct dub_error *error)
{
    if (!check(samples, n_samples, rate_hz, error))
        return false;
    float *in = to_float(samples, n_samples);
    float gain = dub_loudness_match(dub_loudness_lufs(in, n_samples, rate_hz), source_lufs);
    clip->samples = dub_resample(in, n_samples, rate_hz, DUB_RATE_HZ, &clip->n_samples);
    g_free(in);
    scale(clip->samples, clip->n_samples, gain);
    fade_edges(clip->samples, clip->n_samples);
    return true;
}

bool dub_clip_speed_up(struct dub_clip *clip, double speed, const gint *cancelled)
{
    unsigned n_samples;
    float *samples = dub_stretch(clip->samples, clip->n_samples, speed, cancelled, &n_samples);
    if (samples == NULL)
        return false;
    g_free(clip->samples);
    *clip = (struct dub_clip){.samples = samples, .n_samples = n_samples};
    fade_edges(samples, n_samples);
    return true;
}
