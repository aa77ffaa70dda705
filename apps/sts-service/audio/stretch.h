/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pitch-preserving change of tempo of a whole clip by librubberband (offline, two passes). Pure, any thread.
 */
#pragma once

#include "pcm.h"

/* speed 1.25: the result is 1/1.25 as long. 0.5..2.0. *out is a new clip of round(count / speed) samples; on
 * false it is untouched. */
bool pcm_stretch(const struct pcm *in, double speed, struct pcm *out, struct dub_error *error);
