/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RIFF/WAVE files of 16-bit PCM, one or two channels, for tests and tools. Pure, any thread. */
#pragma once

#include "pcm.h"

/* A whole file in memory. WAVE_FORMAT_PCM 16 bit (also as WAVE_FORMAT_EXTENSIBLE); stereo is averaged. A data
 * chunk that claims more than there is ends where the file ends (streamed files say 0xffffffff).
 * INVALID_AUDIO_FORMAT says what was found. */
bool wav_parse(const void *data, size_t size_bytes, struct pcm *out, struct dub_error *error);
bool wav_read_file(const char *path, struct pcm *out, struct dub_error *error);
/* A header in front of little-endian interleaved samples as they are. Owned by the caller. */
GBytes *wav_wrap_s16le(GBytes *samples, int rate_hz, int channels);
/* Owned by the caller. */
GBytes *wav_build(const struct pcm *pcm);
bool wav_write_file(const char *path, const struct pcm *pcm, struct dub_error *error);
