/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_timeline.h"

#include <glib.h>
#include <stdlib.h>

/* Ten years: what no real stream reaches, and arithmetic with it cannot overflow. */
#define MAX_PTS_NS (INT64_C(315360000) * 1000000000)

void rtp_timeline_init(struct rtp_timeline *timeline, int64_t start_ns)
{
    *timeline = (struct rtp_timeline){.start_ns = start_ns};
}

void rtp_timeline_set_rate(struct rtp_timeline *timeline, unsigned track, uint32_t rate_hz)
{
    timeline->clocks[track].rate_hz = rate_hz;
}

static int64_t ticks_ns(const struct rtp_clock *clock)
{
    return rtp_ticks_to_ns(clock->ticks.last, clock->rate_hz);
}

/* What to add to wall times to get the timeline, were the track alone. */
static int64_t wall_shift(const struct rtp_clock *clock)
{
    return clock->offset_ns - clock->report_ahead_ns;
}

/* Brings all tracks to the largest shift of them, so that each moves forward or stays. */
static void align(struct rtp_timeline *timeline)
{
    int64_t smallest = INT64_MAX, largest = INT64_MIN;
    for (unsigned i = 0; i < RTP_TIMELINE_MAX_TRACKS; i++) {
        const struct rtp_clock *clock = &timeline->clocks[i];
        if (!clock->anchored)
            continue;
        if (!clock->has_report)
            return;
        smallest = MIN(smallest, wall_shift(clock));
        largest = MAX(largest, wall_shift(clock));
    }
    if (largest - smallest < RTP_TIMELINE_STEP_NS || largest - smallest > RTP_TIMELINE_MAX_STEP_NS)
        return;
    for (unsigned i = 0; i < RTP_TIMELINE_MAX_TRACKS; i++)
        if (timeline->clocks[i].anchored)
            timeline->clocks[i].offset_ns += largest - wall_shift(&timeline->clocks[i]);
}

/* Where a new track belongs beside one that runs already, when both have reports: then nothing has to move
 * later. Left alone where that is before 0. */
static void place_by_reports(const struct rtp_timeline *timeline, const struct rtp_clock *clock,
                             int64_t *pts_ns)
{
    for (unsigned i = 0; clock->has_report && i < RTP_TIMELINE_MAX_TRACKS; i++) {
        const struct rtp_clock *other = &timeline->clocks[i];
        if (!other->anchored || !other->has_report)
            continue;
        int64_t at_ns = ticks_ns(clock) + clock->report_ahead_ns + wall_shift(other);
        if (at_ns >= 0 && llabs(at_ns - *pts_ns) <= RTP_TIMELINE_MAX_STEP_NS)
            *pts_ns = at_ns;
        return;
    }
}

/* Where the track goes on as the clock on the wall says. */
static void anchor(struct rtp_timeline *timeline, struct rtp_clock *clock, int64_t arrival_ns)
{
    int64_t pts_ns = timeline->start_ns;
    if (clock->last_pts_ns > 0)
        pts_ns = clock->last_pts_ns + CLAMP(arrival_ns - clock->last_arrival_ns, 0, RTP_TIMELINE_JUMP_NS);
    else if (timeline->begun)
        pts_ns += MAX(arrival_ns - timeline->begun_arrival_ns, 0);
    else
        timeline->begun_arrival_ns = arrival_ns;
    if (clock->last_pts_ns == 0)
        place_by_reports(timeline, clock, &pts_ns);
    timeline->begun = true;
    clock->offset_ns = pts_ns - ticks_ns(clock);
    clock->anchored = true;
    align(timeline);
}

static bool is_jump(const struct rtp_clock *clock, uint32_t timestamp, int64_t arrival_ns)
{
    if (llabs(ticks_ns(clock)) > MAX_PTS_NS)
        return true;
    int64_t step = rtp_ticks_to_ns((int32_t)(timestamp - (uint32_t)clock->ticks.last), clock->rate_hz);
    return llabs(step) > RTP_TIMELINE_JUMP_NS &&
           llabs(step - (arrival_ns - clock->last_arrival_ns)) > RTP_TIMELINE_JUMP_NS;
}

void rtp_timeline_restart(struct rtp_timeline *timeline, unsigned track)
{
    struct rtp_clock *clock = &timeline->clocks[track];
    clock->ticks = (struct rtp_ticks){0};
    clock->anchored = false;
    clock->has_report = false;
}

int64_t rtp_timeline_pts(struct rtp_timeline *timeline, unsigned track, uint32_t timestamp,
                         int64_t arrival_ns)
{
    struct rtp_clock *clock = &timeline->clocks[track];
    if (clock->anchored && is_jump(clock, timestamp, arrival_ns))
        rtp_timeline_restart(timeline, track);
    rtp_ticks_unwrap(&clock->ticks, timestamp);
    if (!clock->anchored)
        anchor(timeline, clock, arrival_ns);
    int64_t pts_ns = CLAMP(ticks_ns(clock) + clock->offset_ns, 0, MAX_PTS_NS);
    clock->last_pts_ns = pts_ns;
    clock->last_arrival_ns = arrival_ns;
    return pts_ns;
}

void rtp_timeline_report(struct rtp_timeline *timeline, unsigned track,
                         const struct rtcp_sender_report *report)
{
    struct rtp_clock *clock = &timeline->clocks[track];
    if (report->ntp == 0)
        return;
    struct rtp_ticks ticks = clock->ticks;
    int64_t at_ns = rtp_ticks_to_ns(rtp_ticks_unwrap(&ticks, report->timestamp), clock->rate_hz);
    if (!clock->ticks.has_last)
        clock->ticks = ticks;
    clock->report_ahead_ns = rtcp_ntp_to_unix_ns(report->ntp) - at_ns;
    clock->has_report = true;
    if (clock->anchored)
        align(timeline);
}
