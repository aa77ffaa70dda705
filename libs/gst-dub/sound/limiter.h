/* SPDX-License-Identifier: GPL-3.0-or-later */
/* True-peak limiter with lookahead: holds -1 dBFS also between the samples (ITU-R BS.1770-4 annex 2: peaks of
 * the four times oversampled signal), and leaves what stays below untouched, bit for bit.
 *
 * The gain that each sample needs is held over the lookahead (minimum), then averaged over it, so that the
 * gain has come down smoothly by the time the peak leaves. Pure; one thread. */
#pragma once

#include "samples.h"
#include <stdbool.h>

/* The output is the input this much later. 2 ms */
#define DUB_LIMITER_DELAY_SAMPLES 96
#define DUB_LIMITER_CEILING 0.8912509f /* -1 dBFS */

/* Half the length of the interpolation filter. */
#define DUB_LIMITER_HALF_TAPS 6
#define DUB_LIMITER_WINDOW_SAMPLES (DUB_LIMITER_DELAY_SAMPLES - DUB_LIMITER_HALF_TAPS + 1)
#define DUB_LIMITER_PHASES 3

struct dub_limiter {
    float taps[DUB_LIMITER_PHASES][2 * DUB_LIMITER_HALF_TAPS];
    float safe_peak; /* samples up to here cannot have a true peak above the ceiling */
    float history[(DUB_LIMITER_DELAY_SAMPLES + DUB_BLOCK_SAMPLES) * DUB_CHANNELS]; /* delayed, then new */
    /* The gain each of the last samples needs, and that after holding; rings over the window, written at
     * `at`. */
    float needed[DUB_LIMITER_WINDOW_SAMPLES], gains[DUB_LIMITER_WINDOW_SAMPLES];
    unsigned at;
    float held;             /* least of `needed` */
    double gain_sum;        /* of `gains` */
    float released;         /* the last gain before averaging */
    unsigned unity_samples; /* for how long all gains have been 1; saturates at the window */
};

void dub_limiter_init(struct dub_limiter *limiter);
/* Forgets the signal so far: the next DUB_LIMITER_DELAY_SAMPLES out are silence. */
void dub_limiter_reset(struct dub_limiter *limiter);
/* n_samples <= DUB_BLOCK_SAMPLES stereo samples, in place; full scale is 1. */
void dub_limiter_run(struct dub_limiter *limiter, float *samples, unsigned n_samples);
