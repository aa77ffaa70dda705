/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes the voice out of a stereo original: what both channels have in common, between 80 Hz and 12 kHz.
 *
 * Speech is mixed to the middle. For each point of a short-time spectrum, the power of sum and difference of
 * the channels tells which part of the sum is the same in both and which part belongs to sources at the sides
 * (after E. Vickers, "Frequency-Domain Two- to Three-Channel Upmix for Center Channel Derivation and Speech
 * Enhancement", AES 127, 2009; with the gain of a Wiener filter). That common part, back in time, is taken
 * off both channels, so that everything else keeps its place, level and phase, to the sample.
 *
 * The spectrum looks DUB_BACKGROUND_AHEAD_SAMPLES into the future, which a reader that holds D of sound has;
 * so nothing is delayed. Without it (missing input) the future is silence. Pure but for GStreamer's FFT; the
 * owner's lock guards it. */
#pragma once

#include <gst/fft/gstfftf32.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_BACKGROUND_FRAME_SAMPLES                                                                         \
    4096 /* 85 ms: tells the harmonics of a low voice from what lies between */
#define DUB_BACKGROUND_HOP_SAMPLES 1024
#define DUB_BACKGROUND_AHEAD_SAMPLES DUB_BACKGROUND_FRAME_SAMPLES
#define DUB_BACKGROUND_BINS (DUB_BACKGROUND_FRAME_SAMPLES / 2 + 1)

/* Copies the original of [position, position + n_samples), stereo; any position, silence where there is none.
 */
typedef void (*dub_background_reader)(void *user, int64_t position, int16_t *samples, unsigned n_samples);

struct dub_background {
    dub_background_reader read;
    void *user;
    GstFFTF32 *forward, *inverse; /* owned */
    float window[DUB_BACKGROUND_FRAME_SAMPLES];
    float band[DUB_BACKGROUND_BINS]; /* 1 where voices are, soft edges */
    float sum_power[DUB_BACKGROUND_BINS], difference_power[DUB_BACKGROUND_BINS]; /* smoothed over time */
    float centre[DUB_BACKGROUND_FRAME_SAMPLES]; /* overlapped and added, from `at` on; complete for one hop */
    int64_t at;                                 /* a multiple of the hop */
    bool running;
};

void dub_background_init(struct dub_background *background, dub_background_reader read, void *user);
void dub_background_clear(struct dub_background *background);
/* Forgets the signal so far. */
void dub_background_reset(struct dub_background *background);
/* The common part of [position, position + n_samples), mono, full scale 1. Where position does not continue
 * the last call it begins anew, from what lies before position. */
void dub_background_centre(struct dub_background *background, int64_t position, float *centre,
                           unsigned n_samples);
