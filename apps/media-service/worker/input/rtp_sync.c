/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_sync.h"

#include <glib.h>
#include <stdlib.h>

#define SECOND_NS (INT64_C(1000) * 1000 * 1000)

static void set_target(struct rtp_sync *sync, int64_t target_ns, bool at_once)
{
    if (llabs(target_ns) > RTP_SYNC_MAX_NS)
        return;
    sync->target_ns = target_ns;
    if (at_once || llabs(target_ns - sync->shift_ns) > RTP_SYNC_STEP_NS)
        sync->shift_ns = target_ns;
}

void rtp_sync_start(struct rtp_sync *sync, enum track track, int64_t pts_ns)
{
    if (sync->is_reported)
        return;
    bool is_first = !sync->has_start[TRACK_VIDEO] || !sync->has_start[TRACK_AUDIO];
    sync->has_start[track] = true;
    sync->start_ns[track] = pts_ns;
    if (sync->has_start[TRACK_VIDEO] && sync->has_start[TRACK_AUDIO])
        set_target(sync, sync->start_ns[TRACK_VIDEO] - sync->start_ns[TRACK_AUDIO], is_first);
}

void rtp_sync_report(struct rtp_sync *sync, enum track track, int64_t wall_ns, int64_t pts_ns)
{
    sync->has_clock[track] = true;
    sync->clock_ns[track] = wall_ns - pts_ns;
    if (!sync->has_clock[TRACK_VIDEO] || !sync->has_clock[TRACK_AUDIO])
        return;
    set_target(sync, sync->clock_ns[TRACK_AUDIO] - sync->clock_ns[TRACK_VIDEO], !sync->is_reported);
    sync->is_reported = true;
}

int64_t rtp_sync_shift(struct rtp_sync *sync, int64_t pts_ns)
{
    int64_t elapsed_ns = sync->has_moved ? CLAMP(pts_ns - sync->moved_at_ns, 0, SECOND_NS) : 0;
    int64_t most_ns = elapsed_ns * RTP_SYNC_SLEW_NS_PER_S / SECOND_NS;

    sync->has_moved = true;
    sync->moved_at_ns = pts_ns;
    sync->shift_ns += CLAMP(sync->target_ns - sync->shift_ns, -most_ns, most_ns);
    return sync->shift_ns;
}
