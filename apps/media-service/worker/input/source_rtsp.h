/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What RTSP needs beyond other inputs: timestamps. RTP gives each track a clock of its own, and pictures
 * their time of presentation only. Private to source.c.
 *
 * The element only passes on what the sender's timestamps say: no smoothing, no jitter buffer's latency (TCP
 * keeps order), no moves after RTCP. Those are made here, of the sound alone and slowly. */
#pragma once

#include "../time/timestamp_map.h"

#include <dubbing_error.h>
#include <gst/gst.h>

struct source_rtsp;

/* *element: a new rtspsrc, floating. NULL is fine for source_rtsp_free. */
struct source_rtsp *source_rtsp_new(const char *location, GstElement **element);
/* When the element is at rest. */
void source_rtsp_free(struct source_rtsp *rtsp);

/* A pad of the element is used for this track. Streaming thread, before data flows. */
void source_rtsp_watch(struct source_rtsp *rtsp, GstPad *pad, enum track track);
/* The same picture with PTS and DTS, owned by the caller. Sound likewise, moved to its picture. Timestamps
 * get SOURCE_RTSP_ORIGIN_NS added, because a decoding time may lie before the first picture, and a GstBuffer
 * has no room for that. The track's streaming thread. */
GstSample *source_rtsp_place_video(struct source_rtsp *rtsp, GstSample *sample);
GstSample *source_rtsp_place_audio(struct source_rtsp *rtsp, GstSample *sample);

#define SOURCE_RTSP_ORIGIN_NS (INT64_C(3600) * 1000 * 1000 * 1000)
