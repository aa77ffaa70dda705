/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the service's sound and the mixer's: what is sent is brought to the service's rate, what comes back
 * (checked by the exchange) is brought to ours and to the loudness of the speech it replaces, and its edges
 * are faded. Any thread. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* No dub of a fragment of at most a minute is longer. */
#define DUB_CLIP_MAX_S 60

/* Mono, full scale 1, DUB_RATE_HZ. */
struct dub_clip {
    float *samples; /* owned; g_free */
    unsigned n_samples;
};

/* Mono S16 from from_hz to to_hz with the same duration. Owned by the caller (g_free). */
int16_t *dub_clip_resample_s16(const int16_t *samples, unsigned n_samples, unsigned from_hz, unsigned to_hz,
                               unsigned *n_result);
/* Loudness of mono S16 sound, LUFS; -INFINITY for silence. */
double dub_clip_loudness_lufs(const int16_t *samples, unsigned n_samples, unsigned rate_hz);

/* Makes the clip faster at the same pitch (stretch.h), its edges soft again. False, with the clip as it was,
 * when cancelled. */
bool dub_clip_speed_up(struct dub_clip *clip, double speed, const gint *cancelled);
/* False, with INVALID_AUDIO_FORMAT and what was found, for sound that is empty, longer than DUB_CLIP_MAX_S,
 * or of a rate outside 8000..96000. */
bool dub_clip_prepare(const int16_t *samples, unsigned n_samples, unsigned rate_hz, double source_lufs,
                      struct dub_clip *clip, struct dub_error *error);
