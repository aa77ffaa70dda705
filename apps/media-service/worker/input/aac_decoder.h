/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AAC of any rate and channel count to 48 kHz stereo S16, by libavcodec and libswresample (see aac_encoder.h
 * for why not by GStreamer's wrapper). One thread at a time. */
#pragma once

#include <dubbing_error.h>
#include <gst/gst.h>

struct aac_decoder;

/* caps: audio/mpeg of MPEG-2 or 4, raw with codec_data or ADTS, one frame a buffer. NULL with an error when
 * libavcodec cannot take it. */
struct aac_decoder *aac_decoder_new(const GstCaps *caps, struct dub_error *error);
/* NULL is fine. */
void aac_decoder_free(struct aac_decoder *decoder);

/* The sound of one packet (borrowed): interleaved 48 kHz stereo S16 with the PTS of its first sample, marked
 * DISCONT where it does not follow on what came out before (a packet was damaged, is missing, or is marked
 * so), owned by the caller. NULL when nothing comes out: a damaged packet, or one without PTS at the start.
 */
GstBuffer *aac_decoder_decode(struct aac_decoder *decoder, GstBuffer *packet);
