/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Audio at the edge of the service, as clients send and get it: interleaved signed 16-bit samples of one or
 * two channels. Inside there is only mono (pcm.h).
 *
 * One plain value with one owner. Pure, any thread. */
#pragma once

#include "pcm.h"

struct sound {
    int16_t *samples; /* owned, g_malloc; NULL when frames is 0 */
    size_t frames;    /* sample instants: frames * channels samples */
    int rate_hz;
    int channels; /* 1 or 2 */
};

void sound_clear(struct sound *sound);
/* A local that clears itself. */
#define sound_auto __attribute__((cleanup(sound_clear))) struct sound

/* Rounded to the nearest millisecond. */
int64_t sound_duration_ms(const struct sound *sound);

/* Whether audio of this rate, channel count and length can be held: INVALID_AUDIO_FORMAT says what is out of
 * range (PCM_MIN_RATE_HZ..PCM_MAX_RATE_HZ, 1 or 2 channels, PCM_MAX_MS). */
bool sound_check_format(int rate_hz, int channels, struct dub_error *error);
bool sound_check_length(size_t frames, int rate_hz, struct dub_error *error);

/* Little-endian interleaved bytes. INVALID_AUDIO_FORMAT also for a size that is no whole number of frames. */
bool sound_from_s16le(const void *data, size_t size_bytes, int rate_hz, int channels, struct sound *out,
                      struct dub_error *error);
/* Little-endian interleaved bytes. Owned by the caller. */
GBytes *sound_to_s16le(const struct sound *sound);

/* In place. Two channels are averaged into one, one is repeated into two. */
void sound_set_channels(struct sound *sound, int channels);
/* The speech inside: takes the samples and leaves *take empty. */
struct pcm sound_to_pcm(struct sound *take);
/* The samples borrowed: a view of one channel, not to be cleared. */
struct sound sound_of_pcm(const struct pcm *pcm);
