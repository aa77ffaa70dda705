/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A publisher's RTP and RTCP packets, turned into the router's messages (media.h).
 *
 *   sdp = sdp_parse(...);  reader = rtp_reader_new(sdp, ...);       on ANNOUNCE
 *   rtp_reader_start(reader);                                       on RECORD, once router_publish has
 * succeeded rtp_reader_rtp(reader, track, packet, size, now_ns);            per packet of the track's RTP
 * channel rtp_reader_rtcp(reader, track, packet, size, now_ns);           of its RTCP channel
 *
 * All tracks share one timeline that starts near 0: at first by the arrival of their first packets, and as
 * soon as every track has had a sender report, by those. Then no track ever goes back: the ones that were
 * early are moved forward. One thread. */
#pragma once

#include "sdp.h"

struct rtp_reader;

/* One message for router_write: takes the payload. dts_ns is never negative and never goes back within a
 * kind. */
typedef void rtp_reader_media(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user);

struct rtp_reader_stats {
    uint64_t packets, bytes; /* RTP that was taken, headers included */
    uint64_t lost;           /* by sequence numbers */
    uint64_t late;           /* repeated, or out of order: thrown away */
    uint64_t malformed;      /* unreadable, or not of this track */
    uint64_t
        dropped_units; /* pictures or audio frames not passed on: damaged, or before the next key frame */
};

/* sdp is borrowed for the call. NULL with error when a used track cannot be set up (its configuration is
 * broken). */
struct rtp_reader *rtp_reader_new(const struct sdp *sdp, rtp_reader_media *media, void *user,
                                  struct dub_error *error);
/* NULL is fine. */
void rtp_reader_free(struct rtp_reader *reader);
/* Leaves out the tracks that were not SETUP. Before rtp_reader_start. */
void rtp_reader_drop_track(struct rtp_reader *reader, unsigned track);
/* Hands out onMetaData (which tracks there are, so that the path need not wait for others) and the sequence
 * headers that the SDP has. Once, before the first packet. */
void rtp_reader_start(struct rtp_reader *reader);
/* track: index in sdp->tracks; an index out of range or of an unused track is counted and ignored. now_ns is
 * monotonic. The data is borrowed. */
void rtp_reader_rtp(struct rtp_reader *reader, unsigned track, const uint8_t *data, gsize size,
                    int64_t now_ns);
void rtp_reader_rtcp(struct rtp_reader *reader, unsigned track, const uint8_t *data, gsize size,
                     int64_t now_ns);
/* Hands out the picture whose last packet would only be known by the next one's arrival. At the end. */
void rtp_reader_flush(struct rtp_reader *reader);
/* Of pictures that are not whole. */
gsize rtp_reader_unfinished_bytes(const struct rtp_reader *reader);
/* Of all tracks together. */
struct rtp_reader_stats rtp_reader_get_stats(const struct rtp_reader *reader);
