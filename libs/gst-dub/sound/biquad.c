/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "biquad.h"

#include <math.h>

static struct dub_biquad normalised(double b0, double b1, double b2, double a0, double a1, double a2)
{
    return (struct dub_biquad){.b0 = (float)(b0 / a0),
                               .b1 = (float)(b1 / a0),
                               .b2 = (float)(b2 / a0),
                               .a1 = (float)(a1 / a0),
                               .a2 = (float)(a2 / a0)};
}

/* The analogue prototypes behind the 48 kHz coefficients of BS.1770, by the bilinear transform. */
struct dub_biquad dub_biquad_k_shelf(double rate_hz)
{
    const double frequency_hz = 1681.974450955533;
    const double q = 0.7071752369554196;
    const double high_gain = pow(10, 3.999843853973347 / 20);
    const double band_gain = pow(high_gain, 0.4996667741545416);
    double k = tan(M_PI * frequency_hz / rate_hz);
    return normalised(high_gain + band_gain * k / q + k * k, 2 * (k * k - high_gain),
                      high_gain - band_gain * k / q + k * k, 1 + k / q + k * k, 2 * (k * k - 1),
                      1 - k / q + k * k);
}

struct dub_biquad dub_biquad_k_highpass(double rate_hz)
{
    const double frequency_hz = 38.13547087602444;
    const double q = 0.5003270373238773;
    double k = tan(M_PI * frequency_hz / rate_hz);
    double a0 = 1 + k / q + k * k;
    return normalised(a0, -2 * a0, a0, a0, 2 * (k * k - 1), 1 - k / q + k * k);
}

void dub_biquad_run(struct dub_biquad *filter, float *samples, unsigned n_samples)
{
    struct dub_biquad f = *filter;
    for (unsigned i = 0; i < n_samples; i++) {
        float in = samples[i];
        float out = f.b0 * in + f.z1;
        f.z1 = f.b1 * in - f.a1 * out + f.z2;
        f.z2 = f.b2 * in - f.a2 * out;
        samples[i] = out;
    }
    /* A decaying state would reach denormal numbers, which are slow. */
    filter->z1 = fabsf(f.z1) < 1e-20f ? 0 : f.z1;
    filter->z2 = fabsf(f.z2) < 1e-20f ? 0 : f.z2;
}
