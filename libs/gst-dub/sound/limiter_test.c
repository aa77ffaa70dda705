/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "limiter.h"

#include <math.h>
#include <string.h>

#define N_SAMPLES (2 * DUB_RATE_HZ)

typedef double (*signal_fn)(int i);

/* Runs a signal (both channels alike, the right one at half) through in blocks. */
static float *limited(signal_fn signal)
{
    g_autofree struct dub_limiter *limiter = g_new0(struct dub_limiter, 1);
    float *out = g_new(float, N_SAMPLES * 2);
    dub_limiter_init(limiter);
    for (int i = 0; i < N_SAMPLES; i++) {
        out[2 * i] = (float)signal(i);
        out[2 * i + 1] = out[2 * i] / 2;
    }
    for (int at = 0; at < N_SAMPLES; at += DUB_BLOCK_SAMPLES)
        dub_limiter_run(limiter, out + 2 * at, DUB_BLOCK_SAMPLES);
    return out;
}

/* A meter of its own: 16 times oversampled by a long windowed sinc. */
static double measured_true_peak(const float *samples, int from, int to)
{
    const int half = 32;
    double peak = 0;
    for (int i = MAX(from, half); i < to - half; i++) {
        if (fabsf(samples[2 * i]) < 0.5f)
            continue;
        for (int phase = 0; phase < 16; phase++) {
            double sum = 0;
            for (int k = -half + 1; k <= half; k++) {
                double x = k - phase / 16.0;
                double sinc = fabs(x) < 1e-9 ? 1 : sin(M_PI * x) / (M_PI * x);
                sum += samples[2 * (i + k)] * sinc * pow(cos(M_PI * x / (2 * half + 2)), 2);
            }
            peak = fmax(peak, fabs(sum));
        }
    }
    return peak;
}

static double soft(int i)
{
    return 0.85 * sin(2 * M_PI * 997.0 * i / DUB_RATE_HZ);
}

static double loud(int i)
{
    return 1.9 * sin(2 * M_PI * 440.0 * i / DUB_RATE_HZ);
}

/* A quarter of the sample rate, 45 degrees off: every sample is 3 dB below the peak between them. */
static double between_samples(int i)
{
    return 1.2 * sin(M_PI / 2 * i + M_PI / 4);
}

static double burst(int i)
{
    return i == 20000 ? 3.0 : 0.3 * sin(2 * M_PI * 200.0 * i / DUB_RATE_HZ);
}

static void test_what_is_below_passes_bit_for_bit(void)
{
    g_autofree float *out = limited(soft);
    for (int i = DUB_LIMITER_DELAY_SAMPLES; i < N_SAMPLES; i++) {
        float wanted = (float)soft(i - DUB_LIMITER_DELAY_SAMPLES);
        g_assert_true(out[2 * i] == wanted);
        g_assert_true(out[2 * i + 1] == wanted / 2);
    }
}

static void test_loud_is_held(void)
{
    g_autofree float *out = limited(loud);
    g_assert_cmpfloat(measured_true_peak(out, 100, 20000), <=, DUB_LIMITER_CEILING * 1.002);
    g_assert_cmpfloat(measured_true_peak(out, 48000, 60000), >=, DUB_LIMITER_CEILING * 0.9);
}

static void test_peaks_between_samples_are_held(void)
{
    g_autofree float *out = limited(between_samples);
    g_assert_cmpfloat(measured_true_peak(out, 4000, 12000), <=, DUB_LIMITER_CEILING * 1.01);
}

static void test_one_peak_is_caught_and_recovered_from(void)
{
    g_autofree float *out = limited(burst);
    for (int i = 0; i < N_SAMPLES; i++)
        g_assert_cmpfloat(fabsf(out[2 * i]), <=, DUB_LIMITER_CEILING * 1.00001f);
    /* Untouched before, and again a second after. */
    g_assert_true(out[2 * 19000] == (float)burst(19000 - DUB_LIMITER_DELAY_SAMPLES));
    for (int i = 85000; i < N_SAMPLES; i++)
        g_assert_true(out[2 * i] == (float)burst(i - DUB_LIMITER_DELAY_SAMPLES));
}

static void test_reset_forgets(void)
{
    g_autofree struct dub_limiter *limiter = g_new0(struct dub_limiter, 1);
    float block[DUB_BLOCK_SAMPLES * 2];
    dub_limiter_init(limiter);
    for (unsigned i = 0; i < G_N_ELEMENTS(block); i++)
        block[i] = 2;
    dub_limiter_run(limiter, block, DUB_BLOCK_SAMPLES);
    dub_limiter_reset(limiter);
    for (unsigned i = 0; i < G_N_ELEMENTS(block); i++)
        block[i] = 0.5f;
    dub_limiter_run(limiter, block, DUB_BLOCK_SAMPLES);
    g_assert_true(block[0] == 0);
    g_assert_true(block[2 * DUB_LIMITER_DELAY_SAMPLES] == 0.5f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/limiter/what-is-below-passes-bit-for-bit", test_what_is_below_passes_bit_for_bit);
    g_test_add_func("/limiter/loud-is-held", test_loud_is_held);
    g_test_add_func("/limiter/peaks-between-samples-are-held", test_peaks_between_samples_are_held);
    g_test_add_func("/limiter/one-peak-is-caught-and-recovered-from",
                    test_one_peak_is_caught_and_recovered_from);
    g_test_add_func("/limiter/reset-forgets", test_reset_forgets);
    return g_test_run();
}
