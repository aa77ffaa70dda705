/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mono speech as it travels through the pipeline: signed 16-bit samples and their rate.
 *
 * One plain value with one owner; whoever holds it clears it. Stereo exists only at the edge
 * (sound.h). */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCM_MIN_RATE_HZ 8000
#define PCM_MAX_RATE_HZ 96000
/* No fragment or clip is longer (protocol.md: duration_ms 0..60000), with room for a slower dub. */
#define PCM_MAX_MS 120000

struct pcm {
    int16_t *samples; /* owned, g_malloc; NULL when count is 0 */
    size_t count;
    int rate_hz;
};

void pcm_clear(struct pcm *pcm);
/* A local that clears itself: `pcm_auto clip = {0};` */
#define pcm_auto __attribute__((cleanup(pcm_clear))) struct pcm

/* Zeroed samples. */
struct pcm pcm_silence(int rate_hz, int64_t duration_ms);
struct pcm pcm_copy(const struct pcm *from);
/* Rounded to the nearest millisecond. */
int64_t pcm_duration_ms(const struct pcm *pcm);

/* Little-endian interleaved bytes, 1 or 2 channels (averaged to mono). INVALID_AUDIO_FORMAT for a size that
 * is no whole number of frames, a rate or channel count out of range, or more than PCM_MAX_MS. */
bool pcm_from_s16le(const void *data, size_t size_bytes, int rate_hz, int channels, struct pcm *out,
                    struct dub_error *error);
/* Little-endian bytes; mono samples are repeated into each channel. Owned by the caller. */
GBytes *pcm_to_s16le(const struct pcm *pcm, int channels);
