/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stretch.h"

#include "samples.h"
#include <glib.h>
#include <math.h>
#include <string.h>

#define N_SAMPLES (2 * DUB_RATE_HZ)
#define TONE_HZ 220.0

/* A tone for the first half, silence for the second. */
static float *new_half_tone(void)
{
    float *samples = g_new0(float, N_SAMPLES);
    for (int i = 0; i < N_SAMPLES / 2; i++)
        samples[i] = 0.3f * (float)sin(2 * M_PI * TONE_HZ * i / DUB_RATE_HZ);
    return samples;
}

static double level_db(const float *samples, unsigned from, unsigned to)
{
    double power = 0;
    for (unsigned i = from; i < to; i++)
        power += (double)samples[i] * (double)samples[i];
    return 10 * log10(power / (to - from) + 1e-12);
}

/* How many times the signal rises through zero per second. */
static double pitch_hz(const float *samples, unsigned from, unsigned to)
{
    unsigned rises = 0;
    for (unsigned i = from + 1; i < to; i++)
        rises += samples[i - 1] < 0 && samples[i] >= 0;
    return (double)rises * DUB_RATE_HZ / (to - from);
}

static void test_faster_at_the_same_pitch(void)
{
    static const double speeds[] = {1.01, 1.1, 1.2, 1.25};
    g_autofree float *samples = new_half_tone();
    for (gsize i = 0; i < G_N_ELEMENTS(speeds); i++) {
        unsigned n_result;
        g_autofree float *result = dub_stretch(samples, N_SAMPLES, speeds[i], NULL, &n_result);
        g_assert_cmpuint(n_result, ==, (unsigned)lrint(N_SAMPLES / speeds[i]));
        unsigned edge = n_result / 2;
        /* Resampling alone would make it 242 Hz at 1.1. */
        g_assert_cmpfloat(fabs(pitch_hz(result, 4800, edge - 4800) - TONE_HZ), <, 7);
        g_assert_cmpfloat(fabs(level_db(result, 4800, edge - 4800) - level_db(samples, 4800, 43200)), <, 1);
        /* The tone ends where it should: everything is in its place, nothing is cut off. */
        g_assert_cmpfloat(level_db(result, edge - 2400, edge - 1200), >, -25);
        g_assert_cmpfloat(level_db(result, edge + 2400, n_result), <, -50);
    }
}

static void test_any_length(void)
{
    g_autofree float *samples = new_half_tone();
    static const unsigned lengths[] = {1, 10, 479, 4096, 4097, 8192};
    for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
        unsigned n_result;
        g_autofree float *result = dub_stretch(samples, lengths[i], 1.25, NULL, &n_result);
        g_assert_cmpuint(n_result, ==, (unsigned)lrint(lengths[i] / 1.25));
        for (unsigned k = 0; k < n_result; k++)
            g_assert_cmpfloat(fabsf(result[k]), <, 1);
    }
}

static void test_cancelled_gives_nothing(void)
{
    static const gint cancelled = 1;
    unsigned n_result;
    g_autofree float *samples = new_half_tone();
    g_assert_null(dub_stretch(samples, N_SAMPLES, 1.1, &cancelled, &n_result));
}

/* How long a clip of 10 s takes, as a line for the reader. */
static void test_time_taken(void)
{
    unsigned n_result;
    unsigned n_samples = 10 * DUB_RATE_HZ;
    g_autofree float *samples = g_new0(float, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] = 0.3f * (float)sin(2 * M_PI * TONE_HZ * i / DUB_RATE_HZ);
    gint64 before_us = g_get_monotonic_time();
    g_autofree float *result = dub_stretch(samples, n_samples, 1.2, NULL, &n_result);
    g_test_message("10 s of sound: %.1f ms", (double)(g_get_monotonic_time() - before_us) / 1000);
    g_assert_cmpfloat(fabs(pitch_hz(result, 4800, n_result - 4800) - TONE_HZ), <, 7);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stretch/faster-at-the-same-pitch", test_faster_at_the_same_pitch);
    g_test_add_func("/stretch/any-length", test_any_length);
    g_test_add_func("/stretch/cancelled-gives-nothing", test_cancelled_gives_nothing);
    g_test_add_func("/stretch/time-taken", test_time_taken);
    return g_test_run();
}
