/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "biquad.h"

#include <glib.h>
#include <math.h>

#define RATE_HZ 48000
#define HALF 24000
#define N_SAMPLES (2 * HALF)

/* Level of a tone after the filter, dB. */
static double response_db(struct dub_biquad filter, double hz)
{
    g_autofree float *samples = g_new(float, N_SAMPLES);
    double power = 0;
    for (int i = 0; i < N_SAMPLES; i++)
        samples[i] = (float)sin(2 * M_PI * hz * i / RATE_HZ);
    dub_biquad_run(&filter, samples, HALF);
    dub_biquad_run(&filter, samples + HALF, HALF);
    for (int i = HALF; i < N_SAMPLES; i++)
        power += (double)samples[i] * (double)samples[i];
    return 10 * log10(power / (HALF)*2 + 1e-20);
}

static void test_head_and_ears(void)
{
    /* K-weighting: +4 dB above 2 kHz, nothing far below 38 Hz. */
    g_assert_cmpfloat(fabs(response_db(dub_biquad_k_shelf(RATE_HZ), 10000) - 4), <, 0.1);
    g_assert_cmpfloat(fabs(response_db(dub_biquad_k_shelf(RATE_HZ), 100)), <, 0.1);
    g_assert_cmpfloat(response_db(dub_biquad_k_highpass(RATE_HZ), 4), <, -30);
    g_assert_cmpfloat(fabs(response_db(dub_biquad_k_highpass(RATE_HZ), 1000)), <, 0.1);
}

/* The coefficients that BS.1770 prints for 48 kHz. */
static void test_k_weighting_is_that_of_the_standard(void)
{
    struct dub_biquad shelf = dub_biquad_k_shelf(RATE_HZ);
    g_assert_cmpfloat(fabs((double)shelf.b0 - 1.53512485958697), <, 1e-6);
    g_assert_cmpfloat(fabs((double)shelf.b1 + 2.69169618940638), <, 1e-6);
    g_assert_cmpfloat(fabs((double)shelf.b2 - 1.19839281085285), <, 1e-6);
    g_assert_cmpfloat(fabs((double)shelf.a1 + 1.69065929318241), <, 1e-6);
    g_assert_cmpfloat(fabs((double)shelf.a2 - 0.73248077421585), <, 1e-6);
    struct dub_biquad highpass = dub_biquad_k_highpass(RATE_HZ);
    g_assert_cmpfloat(fabs((double)highpass.b0 - 1), <, 1e-6);
    g_assert_cmpfloat(fabs((double)highpass.b1 + 2), <, 1e-6);
    g_assert_cmpfloat(fabs((double)highpass.a1 + 1.99004745483398), <, 1e-6);
    g_assert_cmpfloat(fabs((double)highpass.a2 - 0.99007225036621), <, 1e-6);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/biquad/head-and-ears", test_head_and_ears);
    g_test_add_func("/biquad/k-weighting-is-that-of-the-standard", test_k_weighting_is_that_of_the_standard);
    return g_test_run();
}
