/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The timeline that the tracks of one publisher share. Timestamps of each RTP source begin anywhere and count
 * at its own rate; what ties them together is the sender reports (RFC 3550 section 6.4.1) and, until every
 * track has had one, the arrival of their first packets.
 *
 * The first packet of all is at start_ns. Where reports show that tracks are out of step, those that are
 * early are moved forward: no track ever goes back. Pure. */
#pragma once

#include "rtp_packet.h"

#define RTP_TIMELINE_MAX_TRACKS 16
/* Out of step by less: left alone. By more than the second: the reports are not of one clock. */
#define RTP_TIMELINE_STEP_NS (5 * INT64_C(1000000))
#define RTP_TIMELINE_MAX_STEP_NS (5 * INT64_C(1000000000))
/* A timestamp that is further from the one before than this, and than the time that passed, is a new
 * beginning. */
#define RTP_TIMELINE_JUMP_NS (10 * INT64_C(1000000000))

struct rtp_clock {
    uint32_t rate_hz;
    struct rtp_ticks ticks;
    bool anchored; /* offset_ns is known, packets have come */
    int64_t offset_ns;
    int64_t last_pts_ns, last_arrival_ns;
    bool has_report;
    int64_t report_ahead_ns; /* wall time less the time of its ticks */
};

struct rtp_timeline {
    int64_t start_ns;
    bool begun;
    int64_t begun_arrival_ns;
    struct rtp_clock clocks[RTP_TIMELINE_MAX_TRACKS];
};

/* start_ns: not negative. */
void rtp_timeline_init(struct rtp_timeline *timeline, int64_t start_ns);
void rtp_timeline_set_rate(struct rtp_timeline *timeline, unsigned track, uint32_t rate_hz);
/* The presentation time of a packet; not negative. */
int64_t rtp_timeline_pts(struct rtp_timeline *timeline, unsigned track, uint32_t timestamp,
                         int64_t arrival_ns);
void rtp_timeline_report(struct rtp_timeline *timeline, unsigned track,
                         const struct rtcp_sender_report *report);
/* The track's next packet is of another source: it goes on by its arrival. */
void rtp_timeline_restart(struct rtp_timeline *timeline, unsigned track);
