/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resample.h"

#include <glib.h>
#include <math.h>

static float *tone(double hz, double amplitude, unsigned n_samples, unsigned rate_hz)
{
    float *samples = g_new(float, n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] = (float)(amplitude * sin(2 * M_PI * hz * i / rate_hz));
    return samples;
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/resample/resampling-keeps-place-and-level", test_resampling_keeps_place_and_level);
    g_test_add_func("/resample/resampling-keeps-the-end", test_resampling_keeps_the_end);
    g_test_add_func("/resample/insane-rates-are-refused", test_insane_rates_are_refused);
    return g_test_run();
}
