/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "limiter.h"

#include <math.h>
#include <string.h>

#define TAPS (2 * DUB_LIMITER_HALF_TAPS)
#define WINDOW DUB_LIMITER_WINDOW_SAMPLES
#define PIECE 32
/* Time constant of the recovery, 100 ms. */
#define RELEASE (1.0f / (0.1f * DUB_RATE_HZ))
/* Above this the recovery counts as complete: its steps would soon be too small for a float. */
#define NEARLY_UNITY 0.9995f

static double sinc(double x)
{
    return fabs(x) < 1e-9 ? 1.0 : sin(M_PI * x) / (M_PI * x);
}

/* Windowed sinc for the point `fraction` after the sample that tap HALF_TAPS - 1 weighs. */
static void design_phase(float taps[TAPS], double fraction)
{
    double sum = 0;
    double exact[TAPS];
    for (int i = 0; i < TAPS; i++) {
        double distance = i - (DUB_LIMITER_HALF_TAPS - 1) - fraction;
        double window = cos(M_PI * distance / (2 * DUB_LIMITER_HALF_TAPS + 1));
        exact[i] = sinc(distance) * window * window;
        sum += exact[i];
    }
    for (int i = 0; i < TAPS; i++)
        taps[i] = (float)(exact[i] / sum);
}

void dub_limiter_init(struct dub_limiter *limiter)
{
    float worst = 1;
    for (int phase = 0; phase < DUB_LIMITER_PHASES; phase++) {
        design_phase(limiter->taps[phase], (phase + 1) / (double)(DUB_LIMITER_PHASES + 1));
        float gain = 0;
        for (int i = 0; i < TAPS; i++)
            gain += fabsf(limiter->taps[phase][i]);
        worst = fmaxf(worst, gain);
    }
    limiter->safe_peak = DUB_LIMITER_CEILING / worst;
    dub_limiter_reset(limiter);
}

void dub_limiter_reset(struct dub_limiter *limiter)
{
    memset(limiter->history, 0, sizeof(limiter->history));
    for (unsigned i = 0; i < WINDOW; i++)
        limiter->needed[i] = limiter->gains[i] = 1;
    limiter->at = 0;
    limiter->held = 1;
    limiter->gain_sum = WINDOW;
    limiter->released = 1;
    limiter->unity_samples = WINDOW;
}

static float largest(const float *values, unsigned n)
{
    float peak = 0;
    for (unsigned i = 0; i < n; i++) {
        float size = fabsf(values[i]);
        peak = size > peak ? size : peak;
    }
    return peak;
}

/* Around the sample at values[2 * (HALF_TAPS - 1)], stereo. */
static float true_peak(const struct dub_limiter *limiter, const float *values)
{
    const float *centre = values + (DUB_LIMITER_HALF_TAPS - 1) * DUB_CHANNELS;
    float peak = fmaxf(fabsf(centre[0]), fabsf(centre[1]));
    for (int phase = 0; phase < DUB_LIMITER_PHASES; phase++) {
        float left = 0;
        float right = 0;
        for (int i = 0; i < TAPS; i++) {
            left += limiter->taps[phase][i] * values[2 * i];
            right += limiter->taps[phase][i] * values[2 * i + 1];
        }
        peak = fmaxf(peak, fmaxf(fabsf(left), fabsf(right)));
    }
    return peak;
}

static float least(const float values[WINDOW])
{
    float low = 1;
    for (unsigned i = 0; i < WINDOW; i++)
        low = fminf(low, values[i]);
    return low;
}

/* The ring is only searched when the least one leaves it. */
static void hold(struct dub_limiter *limiter, float needed)
{
    float leaving = limiter->needed[limiter->at];
    limiter->needed[limiter->at] = needed;
    if (needed <= limiter->held)
        limiter->held = needed;
    else if (leaving <= limiter->held)
        limiter->held = least(limiter->needed);
}

/* Takes the gain that one more sample needs; the gain for the sample WINDOW - 1 before it. */
static float next_gain(struct dub_limiter *limiter, float needed)
{
    if (needed >= 1 && limiter->unity_samples == WINDOW)
        return 1;
    hold(limiter, needed);
    float recovered = limiter->released + (1 - limiter->released) * RELEASE;
    if (recovered > NEARLY_UNITY)
        recovered = 1;
    limiter->released = fminf(limiter->held, recovered);
    limiter->gain_sum += (double)limiter->released - (double)limiter->gains[limiter->at];
    limiter->gains[limiter->at] = limiter->released;
    limiter->at = (limiter->at + 1) % WINDOW;
    limiter->unity_samples = limiter->released < 1 ? 0 : MIN(limiter->unity_samples + 1, WINDOW);
    if (limiter->unity_samples < WINDOW)
        return fminf((float)(limiter->gain_sum / WINDOW), 1);
    limiter->gain_sum = WINDOW;
    return 1;
}

static void apply(struct dub_limiter *limiter, const float *delayed, float peak, float *out)
{
    float gain = next_gain(limiter, peak > DUB_LIMITER_CEILING ? DUB_LIMITER_CEILING / peak : 1);
    out[0] = delayed[0] * gain;
    out[1] = delayed[1] * gain;
}

/* A piece at a time: most have no sample that is loud enough for a closer look. */
static void limit(struct dub_limiter *limiter, float *out, unsigned n_samples)
{
    const float *delayed = limiter->history;
    /* The newest sample whose surroundings are complete lies HALF_TAPS before the newest one. */
    const float *detect =
        limiter->history + (DUB_LIMITER_DELAY_SAMPLES - 2 * DUB_LIMITER_HALF_TAPS + 1) * DUB_CHANNELS;
    for (unsigned at = 0; at < n_samples; at += PIECE) {
        unsigned n = MIN(PIECE, n_samples - at);
        bool quiet = largest(detect + at * DUB_CHANNELS, (n + TAPS - 1) * DUB_CHANNELS) <= limiter->safe_peak;
        for (unsigned i = at; i < at + n; i++) {
            float peak = quiet ? 0 : true_peak(limiter, detect + i * DUB_CHANNELS);
            apply(limiter, delayed + i * DUB_CHANNELS, peak, out + i * DUB_CHANNELS);
        }
    }
}

void dub_limiter_run(struct dub_limiter *limiter, float *samples, unsigned n_samples)
{
    const gsize delayed_size = DUB_LIMITER_DELAY_SAMPLES * DUB_CHANNELS;
    gsize size = (gsize)n_samples * DUB_CHANNELS;
    memcpy(limiter->history + delayed_size, samples, size * sizeof(float));

    bool quiet = largest(limiter->history, (unsigned)(delayed_size + size)) <= limiter->safe_peak;
    if (quiet && limiter->unity_samples == WINDOW)
        memcpy(samples, limiter->history, size * sizeof(float));
    else
        limit(limiter, samples, n_samples);
    memmove(limiter->history, limiter->history + size, delayed_size * sizeof(float));
}
