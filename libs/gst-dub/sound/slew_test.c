/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "slew.h"

#include "samples.h"
#include <math.h>

#define FRAME 1024

static void test_the_signal_stays(void)
{
    int16_t in[2 * 1000];
    int16_t out[2 * 1001];
    for (unsigned i = 0; i < 1000; i++)
        in[2 * i] = in[2 * i + 1] = (int16_t)lrint(10000 * sin(2 * M_PI * 440 * i / DUB_RATE_HZ));
    dub_slew(in, 1000, out, 1001);
    g_assert_cmpint(out[0], ==, in[0]);
    for (unsigned i = 0; i < 1001; i++) {
        double wanted = 10000 * sin(2 * M_PI * 440 * (i * 1000.0 / 1001) / DUB_RATE_HZ);
        g_assert_cmpfloat(fabs(out[2 * i] - wanted), <, 12);
        g_assert_cmpint(out[2 * i], ==, out[2 * i + 1]);
    }
    dub_slew(in, 1000, out, 999);
    g_assert_cmpfloat(fabs(out[2 * 998] - 10000 * sin(2 * M_PI * 440 * (998 * 1000.0 / 999) / DUB_RATE_HZ)),
                      <, 12);
}

static void fill_tone(int16_t *samples, unsigned n_samples, double hz, double amplitude)
{
    for (unsigned i = 0; i < n_samples; i++) {
        samples[2 * i] = (int16_t)lrint(amplitude * sin(2 * M_PI * hz * i / DUB_RATE_HZ));
        samples[2 * i + 1] = (int16_t)-samples[2 * i];
    }
}

/* The worst difference from the tone as it would be at the new samples' places, over its amplitude. */
static double worst_error(double hz, unsigned n_out)
{
    static const double amplitude = 10000;
    int16_t in[2 * FRAME];
    int16_t out[2 * (FRAME + 2)];
    double worst = 0;
    fill_tone(in, FRAME, hz, amplitude);
    dub_slew(in, FRAME, out, n_out);
    for (unsigned i = 0; i < n_out; i++) {
        double wanted = amplitude * sin(2 * M_PI * hz * i * FRAME / n_out / DUB_RATE_HZ);
        worst = fmax(worst, fabs(out[2 * i] - wanted));
        worst = fmax(worst, fabs(out[2 * i + 1] + wanted));
    }
    return worst / amplitude;
}

/* 0.1 dB is 1.2 %. A tone between two samples is what a short interpolation makes quieter. */
static void test_treble_stays_as_loud(void)
{
    static const double tones_hz[] = {1000, 8000, 12637, 13907, 16000};
    for (unsigned i = 0; i < G_N_ELEMENTS(tones_hz); i++) {
        g_assert_cmpfloat(worst_error(tones_hz[i], FRAME + 1), <, 0.012);
        g_assert_cmpfloat(worst_error(tones_hz[i], FRAME - 1), <, 0.012);
    }
}

/* Full scale stays within it, and buffers shorter than the kernel come out whole. */
static void test_ends_and_extremes(void)
{
    int16_t in[2 * FRAME];
    int16_t out[2 * (FRAME + 1)];
    for (unsigned i = 0; i < 2 * FRAME; i++)
        in[i] = i % 64 < 32 ? INT16_MAX : INT16_MIN;
    dub_slew(in, FRAME, out, FRAME + 1);
    g_assert_cmpint(out[0], ==, in[0]);
    for (unsigned i = 0; i < 2 * 8; i++)
        in[i] = 1000;
    dub_slew(in, 8, out, 9);
    for (unsigned i = 0; i < 2 * 9; i++)
        g_assert_cmpint(out[i], ==, 1000);
    dub_slew(in, 1, out, 2);
    g_assert_cmpint(out[2], ==, 1000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/slew/the-signal-stays", test_the_signal_stays);
    g_test_add_func("/slew/treble-stays-as-loud", test_treble_stays_as_loud);
    g_test_add_func("/slew/ends-and-extremes", test_ends_and_extremes);
    return g_test_run();
}
