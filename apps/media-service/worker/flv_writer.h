/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes FLV tags (Adobe Flash Video File Format Specification 10.1, annex E) for H.264 and AAC, each a
 * buffer of its own whose payload is shared, not copied. Pure.
 *
 * GStreamer's flvmux waits for the slower track and moves timestamps of the one that comes late; here packets
 * arrive in their order already and must leave as they are. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

#define FLV_PAYLOAD_BYTES_MAX 0xfffff0u /* 24 bits for the size, less the headers in it */

/* The signature and the first back pointer. All results are the caller's. */
GstBuffer *flv_write_file_header(void);
/* onMetaData. width, height 0: left out. */
GstBuffer *flv_write_metadata(int width, int height);
/* codec_data: an AVCDecoderConfigurationRecord, an AudioSpecificConfig. */
GstBuffer *flv_write_video_header(uint32_t time_ms, GstBuffer *codec_data);
GstBuffer *flv_write_audio_header(uint32_t time_ms, GstBuffer *codec_data);
/* An AVC access unit with length prefixes. time_ms: decoding time; offset_ms: PTS - DTS. The payload is
 * borrowed and at most FLV_PAYLOAD_BYTES_MAX. */
GstBuffer *flv_write_video(uint32_t time_ms, int32_t offset_ms, bool key, GstBuffer *payload);
GstBuffer *flv_write_audio(uint32_t time_ms, GstBuffer *payload);
