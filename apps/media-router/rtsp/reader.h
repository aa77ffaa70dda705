/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session that reads: between a path of the router and the bytes for one socket.
 *
 * Messages wait in a bounded queue of references (media_queue.h); they become bytes when the socket has room,
 * and those bytes are the source's, shared by all readers. One thread. */
#pragma once

#include "../media_queue.h"
#include "out_queue.h"
#include "session.h"
#include "source.h"

struct rtsp_reader {
    struct router_reader reader;
    struct media_queue queue;
    struct rtsp_source *source; /* NULL while not reading */
    const struct rtsp_track *tracks;
    unsigned n_tracks;
    bool is_playing;
    const char *problem; /* static text: the owner ends the connection with it; NULL: none */
    bool has_sent[MEDIA_DATA + 1];
    int64_t last_dts_ns[MEDIA_DATA + 1]; /* of what was sent, by kind: where to go on after a pause */
    int64_t next_report_ns[RTSP_MAX_TRACKS];
    uint64_t sent_packets;
};

/* Keeps nothing of the ops but the pointer; they are the connection's, with rtsp_reader_message as their
 * message. */
void rtsp_reader_init(struct rtsp_reader *reader, const struct router_reader_ops *ops, guint max_messages);
void rtsp_reader_clear(struct rtsp_reader *reader);

/* Attaches to the path; media waits for rtsp_reader_play. tracks are the session's, id is borrowed while it
 * reads. */
bool rtsp_reader_attach(struct rtsp_reader *reader, GHashTable *sources, struct router *router,
                        const struct rtsp_target *target, const char *id, const struct rtsp_track *tracks,
                        struct dub_error *error);
void rtsp_reader_detach(struct rtsp_reader *reader, struct router *router);
/* From the pictures since the last key frame on, or from where it paused if they are still there. */
void rtsp_reader_play(struct rtsp_reader *reader, struct rtsp_start *starts);
void rtsp_reader_pause(struct rtsp_reader *reader);
/* What router_reader_ops.message does. */
void rtsp_reader_message(struct rtsp_reader *reader, struct media_message *message, bool is_backlog);
/* Moves what waits to the socket's queue until that holds up_to_bytes. Sender reports go where they are due.
 */
void rtsp_reader_encode(struct rtsp_reader *reader, struct out_queue *out, gsize up_to_bytes, int64_t now_ns);
/* The stream has ended: says so to the peer (RTCP BYE). */
void rtsp_reader_say_bye(struct rtsp_reader *reader, struct out_queue *out);
