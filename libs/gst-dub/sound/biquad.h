/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Second-order filters on mono float blocks. Pure; one thread per filter. */
#pragma once

struct dub_biquad {
    float b0, b1, b2, a1, a2; /* normalised, a0 = 1 */
    float z1, z2;
};

/* The two stages of K-weighting, ITU-R BS.1770-4 annex 1, for any rate: a shelf of +4 dB above 1.7 kHz (the
 * head), then a high-pass at 38 Hz. */
struct dub_biquad dub_biquad_k_shelf(double rate_hz);
struct dub_biquad dub_biquad_k_highpass(double rate_hz);

/* In place. */
void dub_biquad_run(struct dub_biquad *filter, float *samples, unsigned n_samples);
