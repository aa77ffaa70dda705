/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals for the tests of this service's audio. */
#pragma once

#include "pcm.h"
#include <math.h>

static inline struct pcm test_tone(int rate_hz, int64_t duration_ms, double hz, double amplitude)
{
    struct pcm tone = pcm_silence(rate_hz, duration_ms);
    for (size_t i = 0; i < tone.count; i++)
        tone.samples[i] = (int16_t)lrint(amplitude * 32767.0 * sin(2.0 * G_PI * hz * (double)i / rate_hz));
    return tone;
}

/* Frequency by counting rising zero crossings in the middle half of the clip. */
static inline double test_pitch_hz(const struct pcm *pcm)
{
    size_t first = pcm->count / 4;
    size_t end = pcm->count * 3 / 4;
    int crossings = 0;
    for (size_t i = first + 1; i < end; i++)
        crossings += pcm->samples[i - 1] < 0 && pcm->samples[i] >= 0;
    return crossings * (double)pcm->rate_hz / (double)(end - first);
}

/* The largest step between neighbouring samples. */
static inline int test_largest_step(const struct pcm *pcm)
{
    int largest = 0;
    for (size_t i = 1; i < pcm->count; i++)
        largest = MAX(largest, ABS(pcm->samples[i] - pcm->samples[i - 1]));
    return largest;
}

static inline void assert_same_samples(const struct pcm *actual, const struct pcm *expected)
{
    g_assert_cmpuint(actual->count, ==, expected->count);
    for (size_t i = 0; i < actual->count; i++)
        g_assert_cmpint(actual->samples[i], ==, expected->samples[i]);
}

#define assert_close(actual, expected, tolerance)                                                            \
    g_assert_cmpfloat_with_epsilon(actual, expected, (tolerance) + 1e-9)
