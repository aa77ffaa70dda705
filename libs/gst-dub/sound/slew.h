/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A buffer made a sample or so longer or shorter, so that sound follows its publisher's clock. Pure. */
#pragma once

#include <stdint.h>

/* n_in > 0 stereo samples from `in` as n_out in `out`; |n_out - n_in| is small against n_in. By a windowed
 * sinc, flat within 0.1 dB up to 16 kHz; the first sample stays. Allocates nothing, any thread. */
void dub_slew(const int16_t *in, unsigned n_in, int16_t *out, unsigned n_out);
