/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubber_rig.h"

void rig_detector(void *user, const int16_t *samples, struct dub_fragmenter_hop *hop)
{
    /* The last sample: the first ones may belong to the edge of a hole. */
    hop->speech = samples[2 * DUB_BLOCK_SAMPLES - 1] > SPEECH_MARK / 2;
    hop->level_db = hop->speech ? -20 : -60;
    hop->speech_likeness = 1;
}

float rig_clip_level(uint64_t id)
{
    return 0.02f + 0.002f * (float)(id % 64);
}

float *rig_new_clip(uint64_t id, unsigned n_samples)
{
    float *clip = g_new(float, n_samples);
    for (unsigned i = 0; i < n_samples; i++) {
        unsigned edge = MIN(i, n_samples - 1 - i);
        clip[i] = rig_clip_level(id) * (float)MIN(edge, CLIP_FADE) / CLIP_FADE;
    }
    return clip;
}

void rig_set_beds(struct dub_dubber *dubber, enum dub_bed under_dub, enum dub_bed under_failed)
{
    struct dub_mix mix = {.under_dub = under_dub,
                          .under_failed = under_failed,
                          .duck_gain = DUB_MIXER_DUCK_GAIN,
                          .dub_gain = 1};
    dub_dubber_set_mix(dubber, &mix);
}
