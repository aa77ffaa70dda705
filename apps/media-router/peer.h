/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One accepted connection, whatever it speaks: its link, what is counted of it, its deadlines, how it ends.
 * A protocol begins its own structure with a struct peer and hands in a table of calls.
 *
 * Nothing is sent from inside a callback: work is queued and the peer is woken, so that what a publisher's
 * read brings for a reader goes out in one writev. One thread: that of the server's GMainContext. */
#pragma once

#include "fd_watch.h"
#include "net_link.h"
#include "router.h"

#include <dubbing_clock.h>

struct peer;
struct peer_server;

struct peer_ops {
    const char *protocol; /* in the log */
    /* Bytes that came. False: the peer is closed, for what the error says. */
    bool (*receive)(struct peer *peer, const uint8_t *data, size_t size, struct dub_error *error);
    /* False: it does not fetch its answers; in this turn no more is read. */
    bool (*fetches_answers)(const struct peer *peer);
    /* What was held back is sent; goes on with what came behind. NULL: nothing can have. False as receive. */
    bool (*resume)(struct peer *peer, struct dub_error *error);
    /* Makes bytes of the media that waits, until so many are pending. */
    void (*encode)(struct peer *peer, size_t up_to_bytes);
    size_t (*pending)(const struct peer *peer);
    unsigned (*peek)(struct peer *peer, struct iovec *iov, unsigned max);
    void (*advance)(struct peer *peer, size_t bytes);
    /* Commands are exchanged, and each waits for its answer. */
    bool (*is_talking)(const struct peer *peer);
    /* Static text when it has said too little for too long, else NULL. */
    const char *(*passed_silence)(const struct peer *peer, int64_t now_ns);
    /* With each look at the deadlines. NULL: nothing to do. */
    void (*tick)(struct peer *peer, int64_t now_ns);
    /* Lets go of the stream, for good: what comes from now on is thrown away. */
    void (*detach)(struct peer *peer);
    /* Its own part; ends with peer_clear. */
    void (*free)(struct peer *peer);
};

struct peer {
    const struct peer_ops *ops;
    struct peer_server *server; /* borrowed */
    GList link;                 /* in the server's queue */
    int fd;                     /* the net link's */
    struct net_link *net;
    struct fd_watch *watch; /* for edges where the link is plain */
    bool is_readable;       /* the socket may have more than was read */
    bool says_last;         /* what it has ends with the peer's end */
    char *id;               /* UUID */
    char *remote_address;
    struct router_publisher *publisher; /* parts of the protocol's structure */
    struct router_reader *reader;

    int64_t created_wall_ms;
    int64_t idle_since_ns; /* neither publishing nor reading */
    int64_t last_read_ns;
    int64_t last_media_ns; /* a whole message of a publisher */
    int64_t last_write_ns; /* when the socket last took bytes, or had nothing to take */
    uint64_t sent_bytes;
    size_t unfinished_bytes; /* as peer_note_unfinished was told */

    const char *give_up; /* static text: end it at the next wake-up, from its own watch */
    bool had_stream;     /* it has published or played: the protocol says so */
    bool closing;        /* what is pending is sent, what comes is thrown away */
    bool shut_down;
    int64_t close_deadline_ns;
    size_t thrown_away_bytes; /* received while closing */
    int64_t hold_until_ns;    /* nothing is read or sent before; 0: no such time */
};

/* Fills in a zeroed structure and joins the server's queue. Takes the fd (non-blocking) and the address; tls:
 * NULL for a plain link. ops, publisher and reader are set already. */
void peer_init(struct peer *peer, struct peer_server *server, int take_fd, struct net_tls *tls,
               char *take_remote_address);
/* Leaves the queue, closes the socket, and frees what peer_init took. */
void peer_clear(struct peer *peer);

int64_t peer_now_ns(const struct peer *peer);
struct router *peer_router(const struct peer *peer);
const struct router_config *peer_config(const struct peer *peer);
/* "idle", "publish", "read". */
const char *peer_state(const struct peer *peer);
/* True when a line about it may be written: who has a stream is worth more than who only comes and goes. */
bool peer_may_log(const struct peer *peer);
void peer_wake(struct peer *peer);
/* A refusal is held back for a while: whoever tries passwords shall not try many. */
void peer_hold(struct peer *peer);
/* How much it holds of messages that are not whole. False: more than it may have while everybody together
 * holds too much (ROUTER_MAX_MEMORY). */
bool peer_note_unfinished(struct peer *peer, size_t bytes, struct dub_error *error);
/* Ends it after what is pending has been sent. */
void peer_close(struct peer *peer, const char *reason);
/* For the server: ends it when a deadline has passed, which frees it. */
void peer_check_deadlines(struct peer *peer);
