/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speech detection in hops of 10 ms.
 *
 * Two things tell a voice from what else is on air. It stands out over the background, whose level is
 * followed as a low percentile of the last seconds. And its spectrum changes all the time, because mouths
 * move: between its onsets, music keeps the shape of its spectrum, while the bands of a voice go their own
 * ways from hop to hop. Noise changes too, but has no pitch. Each hop is judged by the first two together;
 * over a whole fragment, the fragmenter also wants pitch.
 *
 * Costs about 1 ms per second of sound. Pure; one thread. */
#pragma once

#include "fragmenter.h"
#include "samples.h"
#include <stdbool.h>
#include <stdint.h>

#define DUB_VAD_RATE_HZ 16000
#define DUB_VAD_HOP_SAMPLES 160 /* DUB_BLOCK_SAMPLES at this rate */
#define DUB_VAD_DECIMATE_TAPS 24
#define DUB_VAD_BANDS 8
/* The spectrum is compared with the one this many hops before: two periods of 50 Hz, so that hum does not
 * beat. */
#define DUB_VAD_CHANGE_HOPS 4
/* Levels in whole decibels, for percentiles. */
#define DUB_VAD_LEVELS 100
#define DUB_VAD_MEMORY_HOPS 400
/* Pitch is looked for in 40 ms at 4 kHz. */
#define DUB_VAD_PITCH_DECIMATION 4
#define DUB_VAD_PITCH_SAMPLES (4 * DUB_VAD_HOP_SAMPLES / DUB_VAD_PITCH_DECIMATION)

/* One band-pass filter per band, side by side so that the compiler can run them together. */
struct dub_vad_bands {
    float b0[DUB_VAD_BANDS], a1[DUB_VAD_BANDS], a2[DUB_VAD_BANDS];
    float z1[DUB_VAD_BANDS], z2[DUB_VAD_BANDS];
};

struct dub_vad {
    float decimate_taps[DUB_VAD_DECIMATE_TAPS];
    float decimate_history[DUB_VAD_DECIMATE_TAPS + DUB_BLOCK_SAMPLES];
    struct dub_vad_bands bands;
    float last_powers[DUB_VAD_BANDS];                     /* of the hop before */
    float shapes[DUB_VAD_CHANGE_HOPS + 1][DUB_VAD_BANDS]; /* levels in dB, a ring by hop */
    unsigned hop;                                         /* number of the hop */
    float change_db;                                      /* smoothed */
    float pitch_samples[DUB_VAD_PITCH_SAMPLES];
    float pitch_lowpass;
    uint8_t levels[DUB_VAD_MEMORY_HOPS]; /* of the last hops, a ring */
    uint16_t histogram[DUB_VAD_LEVELS];  /* of `levels` */
    unsigned n_levels;                   /* held; at most DUB_VAD_MEMORY_HOPS */
    unsigned at;                         /* in `levels` */
    unsigned active_hops;                /* in a row */
    unsigned hangover_hops;              /* left */
    unsigned recent_hops;                /* left of the time after speech */
};

void dub_vad_init(struct dub_vad *vad);
/* DUB_BLOCK_SAMPLES stereo samples. */
void dub_vad_hop(struct dub_vad *vad, const int16_t *samples, struct dub_fragmenter_hop *hop);
