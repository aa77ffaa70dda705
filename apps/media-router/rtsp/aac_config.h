/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AudioSpecificConfig and StreamMuxConfig of MPEG-4 audio. ISO/IEC 14496-3 sections 1.6.2.1, 1.7.3.1, 4.4.1.
 */
#pragma once

#include "bits.h"

#include <glib.h>

struct aac_config {
    unsigned object_type;    /* of the core: 2 is AAC-LC */
    unsigned sample_rate_hz; /* of the core: half of what is heard with SBR */
    unsigned channels;       /* 0: the bytes do not say */
    unsigned frame_samples;  /* of the core, per access unit */
};

/* Reads one from the bits; at the end they stand behind it, where the object type is known well enough to
 * tell (is_sized). False when it is broken or reserved. */
bool aac_config_parse(struct bits *bits, struct aac_config *config, bool *is_sized);
bool aac_config_parse_bytes(GBytes *bytes, struct aac_config *config);

struct latm_config {
    GBytes *audio;       /* AudioSpecificConfig */
    unsigned sub_frames; /* access units in an AudioMuxElement, at least 1 */
    unsigned other_bits; /* behind them */
};

/* One program, one layer, whole bytes: what RFC 6416 streams are made of. False for anything else. */
bool latm_config_parse(struct bits *bits, struct latm_config *config);
void latm_config_clear(struct latm_config *config);
