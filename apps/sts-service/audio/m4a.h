/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AAC in MP4 ("M4A": ISO/IEC 14496-3 in 14496-12/-14), in memory, by libavformat and libavcodec.
 *
 * Position and length: an encoder's priming and padding are taken off by what the file says (edit list, skip
 * entries, durations of packets). Between m4a_encode and m4a_decode both are exact to the sample; so they are
 * for files of FFmpeg, Apple and GPAC that carry an edit list. A file without one (most fragmented files)
 * keeps its encoder's priming, 1024 or 2112 samples, and its padding, less than one packet of 1024. A gap
 * before the first packet or between packets is not filled.
 *
 * Blocking (a second of sound takes about a millisecond to decode, ten to encode), any thread, no shared
 * state, no files. */
#pragma once

#include "sound.h"

/* What a fragment's 10 MiB of base64 can hold. */
#define M4A_MAX_BYTES ((size_t)8 << 20)

/* A whole file in memory: exactly one audio track, of AAC (LC, and HE-AAC as far as libavcodec knows it), one
 * or two channels, PCM_MIN_RATE_HZ..PCM_MAX_RATE_HZ, at most PCM_MAX_MS; tracks of other kinds are passed
 * over; fragmented or not, the directory before or after the data. Rate and channels are the file's own. A
 * packet that does not decode, or is missing, makes the whole file invalid: half a phrase is worse than none.
 * INVALID_AUDIO_FORMAT says what is wrong. On true *out is the caller's to clear. */
bool m4a_decode(const void *data, size_t size_bytes, struct sound *out, struct dub_error *error);

/* The lowest rate of AAC that holds all of a sound at rate_hz: itself for the rates that AAC knows between
 * 8000 and 96000 Hz, else the next higher one. */
int m4a_rate_for(int rate_hz);
/* AAC-LC; sound->rate_hz is one of m4a_rate_for()'s. A sound without samples becomes one of silence, for many
 * readers refuse a file without packets. On true *out is the caller's. INTERNAL_ERROR when the library
 * fails, INVALID_AUDIO_FORMAT for a rate or channel count that is out of range. */
bool m4a_encode(const struct sound *sound, GBytes **out, struct dub_error *error);
