/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speech detection in hops of 10 ms.
 *
 * A hop is speech when the energy in the voice band stands out over the background, whose level is followed
 * as a low percentile of the last seconds. What stands out may still be music: so each such hop also says how
 * much it is like a voice (see vad.c), and the fragmenter sends only what is like a voice on the whole. Pure;
 * one thread. */
#pragma once

#include "biquad.h"
#include "fragmenter.h"
#include "samples.h"
#include <stdbool.h>
#include <stdint.h>

#define DUB_VAD_RATE_HZ 16000
#define DUB_VAD_HOP_SAMPLES (DUB_BLOCK_SAMPLES / 3)
#define DUB_VAD_DECIMATE_TAPS 24
/* Levels in whole decibels, for percentiles. */
#define DUB_VAD_LEVELS 100
#define DUB_VAD_MEMORY_HOPS 400

struct dub_vad {
    float decimate_taps[DUB_VAD_DECIMATE_TAPS];
    float decimate_history[DUB_VAD_DECIMATE_TAPS + DUB_BLOCK_SAMPLES];
    struct dub_biquad voice_low, voice_high, hiss;
    uint8_t levels[DUB_VAD_MEMORY_HOPS]; /* of the last hops, a ring */
    uint16_t histogram[DUB_VAD_LEVELS];  /* of `levels` */
    unsigned n_hops;                     /* so far; saturates at the memory */
    unsigned at;                         /* in `levels` */
    unsigned active_hops;                /* in a row */
    unsigned hangover_hops;              /* left */
};

void dub_vad_init(struct dub_vad *vad);
/* DUB_BLOCK_SAMPLES stereo samples. */
void dub_vad_hop(struct dub_vad *vad, const int16_t *samples, struct dub_fragmenter_hop *hop);
