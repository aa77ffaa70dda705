/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's messages as RTP packets for readers: made once per path, shared by all its readers.
 *
 * All RTSP readers of a path see the same SSRC, sequence numbers and timestamps (as MediaMTX's do), so a
 * message becomes one block of bytes, framed for interleaved TCP (RFC 2326 section 10.12), that every
 * reader's socket is written from. It is kept with the message and lives as long as the message does: what is
 * in the group of pictures and in readers' queues is packetised once. A block is one copy of the payload per
 * path: a reader then needs one slice per message instead of three per packet.
 *
 *   writer = rtp_writer_new(&path->stream, ...);            first DESCRIBE or SETUP on a path; one per path,
 * freed when its stream ends sdp_write({.tracks = rtp_writer_tracks(writer)})        DESCRIBE packets =
 * rtp_writer_packets(writer, message)           in router_reader_ops.message, for every message and before a
 * slow reader's queue may drop it rtp_writer_report(writer, track, out)                   before the first
 * media of a reader, then every 5 s
 *
 * The router's thread. */
#pragma once

#include "../stream.h"
#include "sdp.h"

struct rtp_writer;

/* The largest RTP packet, header included: with IPv4 and UDP headers it fits an Ethernet frame, should a peer
 * pass pass it on. */
#define RTP_WRITER_MTU 1460

/* One message's packets. Immutable. */
struct rtp_packets {
    GBytes *framed; /* '$', channel, length, RTP packet; over and over */
    unsigned track; /* index in rtp_writer_tracks */
    unsigned count;
    uint32_t writer_ssrc;    /* tells whose they are */
    uint16_t first_sequence; /* RTP-Info: seq */
    uint32_t rtp_time;       /* RTP-Info: rtptime */
    int64_t pts_ns;          /* presentation time, which is what rtp_time says: RTP knows no other */
};

/* NULL with error DUB_ERROR_UNSUPPORTED when no track of the stream can go over RTP (says what was found).
 * wall_ns is Unix time; it is what sender reports are based on. */
struct rtp_writer *rtp_writer_new(const struct stream *stream, int64_t wall_ns, struct dub_error *error);
/* NULL is fine. Messages keep their packets. */
void rtp_writer_free(struct rtp_writer *writer);
/* struct sdp_track *, the writer's; control is "trackID=0", ... */
GPtrArray *rtp_writer_tracks(const struct rtp_writer *writer);

/* The packets of the message, made at the first call; borrowed, alive as long as the message. NULL: nothing
 * to send (metadata, sequence headers, tracks that are not offered). Channel numbers are 2 * track. */
const struct rtp_packets *rtp_writer_packets(struct rtp_writer *writer, struct media_message *message);
/* The same bytes for another interleaved channel: a new reference to framed where it is that already, else a
 * copy. */
GBytes *rtp_packets_for_channel(const struct rtp_packets *packets, uint8_t channel);
/* True once an audio sequence header came that the offered SDP does not describe: readers must be closed to
 * come again (their DESCRIBE then gets a new writer). Until then that audio is not sent. */
bool rtp_writer_is_stale(const struct rtp_writer *writer);

/* Appends a sender report with the source's name, not framed. False when there is no such track. */
bool rtp_writer_report(const struct rtp_writer *writer, unsigned track, GByteArray *out);
/* Appends a BYE, for the end of the stream. */
void rtp_writer_bye(const struct rtp_writer *writer, unsigned track, GByteArray *out);
