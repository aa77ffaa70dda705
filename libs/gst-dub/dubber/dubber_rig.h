/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sound for the tests of the dubber. The left channel is a constant, so that any step is a fault; the right
 * one tells the detector where speech is. Each clip is a constant of its own with soft edges, so that it can
 * be recognised in the output. */
#pragma once

#include "dubber.h"

#include "sound/samples.h"

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)
#define BLOCK_NS (10 * MS)
#define LEVEL 8000
#define SPEECH_MARK 1000
#define CLIP_FADE 480

/* For dub_dubber_config. */
void rig_detector(void *user, const int16_t *samples, struct dub_fragmenter_hop *hop);
/* Clips are recognised by their level. */
float rig_clip_level(uint64_t id);
float *rig_new_clip(uint64_t id, unsigned n_samples);
void rig_set_beds(struct dub_dubber *dubber, enum dub_bed under_dub, enum dub_bed under_failed);
