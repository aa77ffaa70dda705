/* SPDX-License-Identifier: GPL-3.0-or-later */
/* out = bed * bed_gain(t) + dub (system.md section 5): the original under and between the dubbed clips.
 *
 * Regions of the timeline say where the original is not heard as it is: under a dub, or where a phrase failed
 * and a fallback other than the original was asked for. The bed glides into a region in 50 ms, before it
 * begins where it is known early enough, and back in 200 ms; between two regions less than 250 ms apart it
 * stays down. Clips come prepared (clip.h). Pure; the owner's lock guards it. */
#pragma once

#include "biquad.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_MIXER_ATTACK_SAMPLES 2400   /* 50 ms */
#define DUB_MIXER_RELEASE_SAMPLES 9600  /* 200 ms */
#define DUB_MIXER_HOLD_SAMPLES 12000    /* 250 ms */
#define DUB_MIXER_DUCK_GAIN 0.1f        /* -20 dB */
#define DUB_MIXER_BACKGROUND_SECTIONS 2 /* biquads per crossover filter */

/* X(enum suffix, nick, gain of the original, gain of the original without its speech) */
#define DUB_BEDS(X)                                                                                          \
    X(FULL, "passthrough", 1, 0)                                                                             \
    X(DUCKED, "ducked", DUB_MIXER_DUCK_GAIN, 0)                                                              \
    X(BACKGROUND, "background", 0, 1)                                                                        \
    X(SILENT, "silence", 0, 0)

enum dub_bed {
#define X(name, nick, dry, wet) DUB_BED_##name,
    DUB_BEDS(X)
#undef X
};

/* Moves from value to target in equal steps. */
struct dub_mixer_ramp {
    float value, target, step;
    unsigned left; /* steps until the target */
};

struct dub_mixer {
    GArray *regions;           /* struct mixer_region (private), in order of adding */
    enum dub_bed under_dub;    /* may change at any time; heard at once, as a ramp */
    enum dub_bed under_failed; /* likewise */
    struct dub_mixer_ramp dry, wet;
    struct dub_biquad low[DUB_MIXER_BACKGROUND_SECTIONS], high[DUB_MIXER_BACKGROUND_SECTIONS];
};

void dub_mixer_init(struct dub_mixer *mixer);
void dub_mixer_clear(struct dub_mixer *mixer);
/* Forgets all regions; the bed is at full level. */
void dub_mixer_reset(struct dub_mixer *mixer);

/* A clip of mono samples (full scale 1) that begins at `start`, which is not before the next position to be
 * mixed. */
void dub_mixer_add_dub(struct dub_mixer *mixer, int64_t start, float *take_samples, int64_t n_samples);
/* A stretch whose phrase failed. */
void dub_mixer_add_failed(struct dub_mixer *mixer, int64_t start, int64_t end);
/* One past the end of the last clip added. */
int64_t dub_mixer_dub_end(const struct dub_mixer *mixer);

/* Mixes n_samples <= DUB_BLOCK_SAMPLES from `position`, which follows the last one. original: stereo; out:
 * stereo, full scale 1, not yet limited. */
void dub_mixer_run(struct dub_mixer *mixer, int64_t position, const int16_t *original, float *out,
                   unsigned n_samples);
