/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps back of a publisher's RTMP timestamps, mended for sound and picture alike, so that the two stay as
 * far apart as they were. Steps forward and small ones back are left as they are. Pure. */
#pragma once

#include "track.h"

#include <stdbool.h>
#include <stdint.h>

#define FLV_TIMES_STEP_MS 2000 /* less may be the order of sound and pictures */

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

/* The timestamp that a message of the track should have, modulo 2^32. Time goes on by as much as passed
 * meanwhile. Not for codec headers: they have no time of their own. */
uint32_t flv_times_place(struct flv_times *times, enum track track, uint32_t timestamp_ms,
                         int64_t arrival_ms);
