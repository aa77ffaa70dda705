/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speech detection in hops of 10 ms.
 *
 * The sound is split into eight bands. In each, the level of the background is followed as a low percentile
 * of the last seconds, and only what stands out over it counts from there on. Four things tell a voice from
 * what else is on air: it stands out; the shape of its spectrum moves all the time, because mouths move; its
 * upper bands pulse at the pace of a larynx; and, other than a drum or a plucked string, it does not begin at
 * once and then only fade. A weighted sum of them decides about each hop. Over a phrase, a voice also comes
 * and goes, in level and in pitch, which sustained music and noise do not: this makes the likeness, by which
 * the fragmenter judges a whole fragment.
 *
 * Both sums are logistic regressions over bench/speech_detection.py's tuning part (docs/decisions tells
 * more). Pure; one thread. */
#pragma once

#include "fragmenter.h"
#include "sound/samples.h"
#include <stdbool.h>
#include <stdint.h>

#define DUB_VAD_RATE_HZ 16000
#define DUB_VAD_HOP_SAMPLES 160 /* DUB_BLOCK_SAMPLES at this rate */
#define DUB_VAD_DECIMATE_TAPS 24
#define DUB_VAD_BANDS 8
/* The spectrum is compared with the one this many hops before: two periods of 50 Hz, so that hum does not
 * beat. */
#define DUB_VAD_CHANGE_HOPS 4
/* Levels in whole decibels, for percentiles, over 4 s. */
#define DUB_VAD_LEVELS 100
#define DUB_VAD_MEMORY_HOPS 400
/* Pitch is looked for in 40 ms of the upper bands' envelope at 4 kHz. */
#define DUB_VAD_ENVELOPE_DECIMATION 4
#define DUB_VAD_ENVELOPE_HOP 40 /* a hop at 4 kHz */
#define DUB_VAD_ENVELOPE_SAMPLES (4 * DUB_VAD_ENVELOPE_HOP)

/* One band-pass filter per band, side by side so that the compiler can run them together. */
struct dub_vad_bands {
    float b0[DUB_VAD_BANDS], a1[DUB_VAD_BANDS], a2[DUB_VAD_BANDS];
    float z1[DUB_VAD_BANDS], z2[DUB_VAD_BANDS];
};

/* A percentile of the last DUB_VAD_MEMORY_HOPS levels, kept up with each new one. */
struct dub_vad_floor {
    uint8_t levels[DUB_VAD_MEMORY_HOPS]; /* a ring */
    uint16_t histogram[DUB_VAD_LEVELS];  /* of `levels` */
    unsigned level;                      /* the percentile */
    unsigned below;                      /* how many of `levels` are less */
};

/* What speaks for a voice, of one hop or averaged. */
struct dub_vad_signs {
    float excess;     /* how much the bands stand out over the background; 0..30 dB */
    float change;     /* how differently they have moved in DUB_VAD_CHANGE_HOPS, dB */
    float pitch;      /* correlation of the envelope with itself at the pace of a voice; 0..1 */
    float abruptness; /* how much more than a voice usually does the excess has risen at once, dB */
};

/* Averages over the hops of a phrase that have speech. */
struct dub_vad_phrase {
    struct dub_vad_signs mean;
    float excess_square, pitch_square;
    unsigned n_hops;
    unsigned idle_hops; /* since the last of them */
};

struct dub_vad {
    float decimate_taps[DUB_VAD_DECIMATE_TAPS];
    float decimate_history[DUB_VAD_DECIMATE_TAPS + DUB_BLOCK_SAMPLES];
    struct dub_vad_bands bands;
    float envelope[DUB_VAD_ENVELOPE_SAMPLES];
    float last_powers[DUB_VAD_BANDS];                     /* of the hop before */
    float levels[DUB_VAD_CHANGE_HOPS + 1][DUB_VAD_BANDS]; /* dBFS, a ring by hop */
    struct dub_vad_floor floors[DUB_VAD_BANDS];
    uint64_t hop;                 /* number of the hop */
    struct dub_vad_signs now;     /* of the hop */
    struct dub_vad_signs recent;  /* smoothed */
    float loudest;                /* excess, dB; fades slowly */
    struct dub_vad_phrase phrase; /* the one that is going on, or was the last */
    unsigned active_hops;         /* in a row */
    unsigned hangover_hops;       /* left */
    unsigned recent_hops;         /* left of the time after speech */
};

void dub_vad_init(struct dub_vad *vad);
/* DUB_BLOCK_SAMPLES stereo samples. */
void dub_vad_hop(struct dub_vad *vad, const int16_t *samples, struct dub_fragmenter_hop *hop);
