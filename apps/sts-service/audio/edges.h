/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two ends of a synthesised clip: silence trimmed, no click. In place, pure, any thread. */
#pragma once

#include "pcm.h"

/* Removes what is quieter than 50 dB below the clip's peak at both ends, but keeps keep_ms of it. A silent
 * clip becomes empty. */
void edges_trim(struct pcm *pcm, int64_t keep_ms);
/* Raised-cosine ramps from and to zero; shorter where the clip is shorter than two of them. */
void edges_fade(struct pcm *pcm, int64_t fade_ms);
