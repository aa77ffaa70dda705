/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_times.h"

#include <stdlib.h>

/* Modulo 2^32, so that the wrap after 49.7 days is no step. */
static int32_t difference(uint32_t left_ms, uint32_t right_ms)
{
    return (int32_t)(left_ms - right_ms);
}

static void follow_step(struct flv_times *times, enum track track, uint32_t timestamp_ms, int64_t arrival_ms)
{
    bool is_second = times->tracks[track].offset_ms != times->offset_ms &&
                     abs(difference(timestamp_ms + times->offset_ms, times->last_out_ms)) < FLV_TIMES_STEP_MS;

    if (!is_second)
        times->offset_ms =
            times->last_out_ms + (uint32_t)(arrival_ms - times->last_arrival_ms) - timestamp_ms;
    times->tracks[track].offset_ms = times->offset_ms;
}

uint32_t flv_times_place(struct flv_times *times, enum track track, uint32_t timestamp_ms, int64_t arrival_ms)
{
    bool begins = !times->tracks[TRACK_VIDEO].seen && !times->tracks[TRACK_AUDIO].seen;

    if (!times->tracks[track].seen)
        times->tracks[track].offset_ms = times->offset_ms;
    else if (difference(timestamp_ms, times->tracks[track].last_ms) <= -FLV_TIMES_STEP_MS)
        follow_step(times, track, timestamp_ms, arrival_ms);
    times->tracks[track].seen = true;
    times->tracks[track].last_ms = timestamp_ms;

    uint32_t out_ms = timestamp_ms + times->tracks[track].offset_ms;
    if (begins || difference(out_ms, times->last_out_ms) > 0)
        times->last_out_ms = out_ms;
    times->last_arrival_ms = arrival_ms;
    return out_ms;
}
