/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far the sound of an RTSP stream has to be moved against its picture.
 *
 * The tracks of RTP have clocks that begin anywhere. What relates them: the RTP-Info of the answer to PLAY
 * (RFC 2326 section 12.33) at the start, and the sender reports of RTCP (RFC 3550 section 6.4.1), which give
 * the wall clock of a timestamp. The first relation counts at once; later ones are followed slowly, so that
 * nothing is heard of it. Only the sound moves. Pure. */
#pragma once

#include "../time/timestamp_map.h"

#define RTP_SYNC_SLEW_NS_PER_S (INT64_C(500) * 1000)       /* as the timeline's */
#define RTP_SYNC_STEP_NS (INT64_C(100) * 1000 * 1000)      /* beyond, a relation is taken over at once */
#define RTP_SYNC_MAX_NS (INT64_C(10) * 1000 * 1000 * 1000) /* beyond, a relation is nonsense */

struct rtp_sync {
    bool has_start[TRACK_COUNT], has_clock[TRACK_COUNT];
    int64_t start_ns[TRACK_COUNT]; /* PTS of the instant that RTP-Info names */
    int64_t clock_ns[TRACK_COUNT]; /* the sender's wall clock minus PTS */
    int64_t shift_ns, target_ns;
    bool is_reported; /* the shift is that of sender reports */
    bool has_moved;
    int64_t moved_at_ns; /* PTS of the sound */
};

/* pts_ns: where the instant of the RTP-Info lies, by any packet. May change when the jitter buffer begins
 * anew. Without effect once there are reports. */
void rtp_sync_start(struct rtp_sync *sync, enum track track, int64_t pts_ns);
/* A sender report: wall_ns, on the sender's clock, is pts_ns. */
void rtp_sync_report(struct rtp_sync *sync, enum track track, int64_t wall_ns, int64_t pts_ns);
/* What to add to the PTS of the next sound. */
int64_t rtp_sync_shift(struct rtp_sync *sync, int64_t pts_ns);
