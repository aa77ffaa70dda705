/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Audio between the wire and the service: what a fragment carries becomes sound, sound becomes what a stream
 * asked for (protocol.md section 1: pcm_s16le and m4a, one or two channels, 8000 to 96000 Hz).
 *
 * PCM is what its labels say, to the sample. M4A describes itself: its own rate and channels count, the
 * labels are not needed, its duration_ms is held against what it decodes to. Blocking when M4A or a change of
 * rate is involved, so not for the main loop; any thread. Errors carry their stage, input or output. */
#pragma once

#include "sound.h"

#include <dubbing_events.h>

/* INVALID_AUDIO_FORMAT: undecodable, a file where bare samples were announced, or a duration that is wrong by
 * more than the protocol allows. On true *out is the caller's to clear. */
bool wire_decode(const struct dub_audio *audio, struct sound *out, struct dub_error *error);
/* The same as mono speech. */
bool wire_decode_speech(const struct dub_audio *audio, struct pcm *out, struct dub_error *error);

/* In another rate and channel count if need be. M4A at a rate that AAC lacks gets the next higher one;
 * out->sample_rate_hz says which. On true *out is the caller's to clear. */
bool wire_encode(const struct sound *sound, enum dub_audio_format format, int rate_hz, int channels,
                 struct dub_audio *out, struct dub_error *error);

/* Whether these bytes are what a stream asked for without a look inside: PCM of that rate and channel count.
 * Quick. */
bool wire_passes(const struct dub_audio *audio, enum dub_audio_format format, int rate_hz, int channels);
/* The audio in the form that a stream asked for; its own bytes where they have it already. On true *out is
 * the caller's to clear. */
bool wire_convert(const struct dub_audio *audio, enum dub_audio_format format, int rate_hz, int channels,
                  struct dub_audio *out, struct dub_error *error);
