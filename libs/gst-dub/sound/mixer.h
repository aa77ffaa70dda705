/* SPDX-License-Identifier: GPL-3.0-or-later */
/* out = bed * bed_gain(t) + dub * dub_gain (system.md section 5): the original under and between the dubbed
 * clips.
 *
 * Regions of the timeline say where the original is not heard as it is: under a dub, or where a phrase failed
 * and a fallback other than the original was asked for. The bed glides into a region in 50 ms, before it
 * begins where it is known early enough, and back in 200 ms; between two regions less than 250 ms apart it
 * stays down. Clips come prepared (clip.h). Where there is no region the original passes bit for bit.
 *
 * The bed without its speech (background.h) needs stereo. An original that has been mono, to 40 dB, for as
 * long as the mixer remembers (about a minute) is ducked instead. Pure; the owner's lock guards it. */
#pragma once

#include "background.h"
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_MIXER_ATTACK_SAMPLES 2400  /* 50 ms */
#define DUB_MIXER_RELEASE_SAMPLES 9600 /* 200 ms */
#define DUB_MIXER_HOLD_SAMPLES 12000   /* 250 ms */
#define DUB_MIXER_DUCK_GAIN 0.1f       /* -20 dB */
/* What the mixer's reader should hold beyond the sample that is mixed, for the bed without speech. */
#define DUB_MIXER_AHEAD_SAMPLES DUB_BACKGROUND_AHEAD_SAMPLES

/* FULL: the original; DUCKED: quieter; BACKGROUND: without its speech; SILENT: nothing. */
enum dub_bed { DUB_BED_FULL, DUB_BED_DUCKED, DUB_BED_BACKGROUND, DUB_BED_SILENT };

/* May change at any time; heard at once, as a ramp. */
struct dub_mix {
    enum dub_bed under_dub, under_failed;
    float duck_gain, dub_gain; /* factors */
    bool bypass;               /* the original alone, whatever is placed */
};

/* Moves from value to target in equal steps. */
struct dub_mixer_ramp {
    float value, target, step;
    unsigned left; /* steps until the target */
};

struct dub_mixer {
    GArray *regions; /* struct mixer_region (private), in order of adding */
    struct dub_mix mix;
    struct dub_mixer_ramp dry, wet, dub;
    struct dub_background background;
    double middle, sides; /* energy of the original, leaky; what tells mono from stereo */
    bool mono;
};

/* read: the original at any position, also ahead of the one that is mixed. */
void dub_mixer_init(struct dub_mixer *mixer, dub_background_reader read, void *user);
void dub_mixer_clear(struct dub_mixer *mixer);
/* Forgets all regions and the original; the bed is at full level. */
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
