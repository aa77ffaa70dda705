/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes bodies of FLV tags for H.264 and AAC, which is what RTMP carries (Adobe Flash Video File Format
 * Specification 10.1, annex E.4). Pure.
 *
 * GStreamer's flvmux waits for the slower track and moves timestamps of the one that comes late; here packets
 * arrive in their order already and must leave as they are. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

#define FLV_PAYLOAD_BYTES_MAX 0xfffff0u /* 24 bits for the size, less the headers in it */

/* "onMetaData" and what it announces. width, height 0: left out. All results are the
 * caller's.
 */
GBytes *flv_body_metadata(int width, int height);
/* codec_data: an AVCDecoderConfigurationRecord, an AudioSpecificConfig. */
GBytes *flv_body_video_header(GstBuffer *codec_data);
GBytes *flv_body_audio_header(GstBuffer *codec_data);
/* An AVC access unit with length prefixes. offset_ms: PTS - DTS. The payload is borrowed, copied, and at most
 * FLV_PAYLOAD_BYTES_MAX. */
GBytes *flv_body_video(int32_t offset_ms, bool key, GstBuffer *payload);
GBytes *flv_body_audio(GstBuffer *payload);
