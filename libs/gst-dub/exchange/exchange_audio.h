/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between samples and the wire's audio, and what makes a dub unusable. Pure. */
#pragma once

#include "exchange.h"

#include <dubbing_events.h>

/* A dub may be longer than its slot by this much before it is refused. */
#define AUDIO_SLOT_TOLERANCE_PERCENT 20
/* More than this share of samples at full scale is no speech. */
#define AUDIO_MAX_CLIPPED_PERCENT 1
/* Between neighbouring samples, -1 to 1; what has less is noise. */
#define AUDIO_LEAST_CORRELATION 0.08

/* The fragment's samples as they travel; takes and clears fragment->samples. */
void exchange_audio_take(struct dub_audio *audio, struct dub_exchange_fragment *fragment);

/* Nothing but zeros, or nothing at all. */
bool exchange_audio_is_silent(const struct dub_audio *audio);

/* The samples of a checked answer, native endian, owned by the caller (g_free); NULL with
 * INVALID_AUDIO_FORMAT and what is wrong: format, rate, channels, said duration, longer than the slot,
 * silent, clipped, noise. */
int16_t *exchange_audio_check(const struct dub_audio *audio, int64_t max_duration_ns, unsigned *n_samples,
                              struct dub_error *error);
