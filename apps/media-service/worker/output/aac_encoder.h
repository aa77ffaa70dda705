/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 48 kHz stereo S16 to AAC-LC packets, by libavcodec. Straight to the library: GStreamer's wrapper costs as
 * much again in elements and buffers, and brings libavfilter with a hundred libraries into memory. One thread
 * at a time. */
#pragma once

#include <dubbing_error.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

/* AudioSpecificConfig (ISO 14496-3 section 1.6.2.1) of AAC-LC, 48 kHz, stereo. */
#define AAC_ENCODER_CAPS                                                                                     \
    "audio/mpeg,mpegversion=(int)4,stream-format=(string)raw,base-profile=(string)lc,level=(string)2,"       \
    "profile=(string)lc,framed=(boolean)true,rate=(int)48000,channels=(int)2,codec_data=(buffer)1190"

#define AAC_FRAME_SAMPLES 1024 /* per packet */

struct aac_encoder;

/* on_packet takes the packet; its PTS is where its sound lies: the encoder's own delay is taken off. What
 * lies before 0 (the priming of a stream that begins there) is not handed out. */
struct aac_encoder *aac_encoder_new(void (*on_packet)(GstBuffer *take_packet, void *user), void *user,
                                    struct dub_error *error);
/* NULL is fine. */
void aac_encoder_free(struct aac_encoder *encoder);

/* samples: n_samples stereo S16, borrowed. pts_ns of the first one. False when the encoder fails. */
bool aac_encoder_push(struct aac_encoder *encoder, const int16_t *samples, unsigned n_samples,
                      int64_t pts_ns);
/* The end: hands out what is left. Nothing may be pushed afterwards. */
void aac_encoder_finish(struct aac_encoder *encoder);
