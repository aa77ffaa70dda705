/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps back of a publisher's RTMP timestamps, mended for sound and picture alike. GStreamer's flvdemux mends
 * steps of FLV_TIMES_STEP_MS and more for each track on its own, by what that track happened to have sent
 * last: after that the two are apart by up to a frame of either. So they must never get to it. Steps forward
 * and small ones back are left to timestamp_map.h. */
#pragma once

#include "packet_queue.h"

#include <gst/gst.h>

#define FLV_TIMES_STEP_MS 2000 /* flvdemux's RESYNC_THRESHOLD (GStreamer 1.22) */

/* One connection's; all zero at its beginning. One thread. */
struct flv_times {
    struct {
        bool seen;
        uint32_t last_ms;   /* as it came */
        uint32_t offset_ms; /* modulo 2^32, as the timestamps are */
    } tracks[TRACK_COUNT];
    uint32_t offset_ms;   /* of the track that stepped last: the other one will follow */
    uint32_t last_out_ms; /* of both */
    int64_t last_arrival_ms;
};

/* The timestamp that the tag should have, modulo 2^32. Time goes on by as much as passed meanwhile. */
uint32_t flv_times_place(struct flv_times *times, enum track track, uint32_t timestamp_ms,
                         int64_t arrival_ms);

/* Rewrites what flows through the pad of an rtmp2src: one tag a buffer, the first behind a file header. */
void flv_times_attach(GstPad *pad);
