/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sample rate conversion of whole clips by libsoxr (high quality, linear phase). Pure, any thread. */
#pragma once

#include "sound.h"

/* *out gets a new clip at rate_hz, of round(count * rate_hz / in->rate_hz) samples; equal rates give a copy.
 * On false *out is untouched. in may not be out. */
bool pcm_resample(const struct pcm *in, int rate_hz, struct pcm *out, struct dub_error *error);
/* The same for what clients send and get, of one or two channels. */
bool sound_resample(const struct sound *in, int rate_hz, struct sound *out, struct dub_error *error);
