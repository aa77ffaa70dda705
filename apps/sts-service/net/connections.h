/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Socket.IO side: connections, their handshake, and the table of events that they may send. Main loop's
 * thread. */
#pragma once

#include "../session/session.h"

#include <dubbing_socketio.h>

struct connections;

/* Borrowed members outlive it; api_key is copied. */
struct connections_config {
    struct processor *processor;
    const struct dub_clock *clock;
    struct sts_metrics *metrics;
    struct flow_limits limits;
    const char *api_key; /* NULL or "": none is asked for */
    bool echo;           /* config:*_simulation is served */
    unsigned max_connections;
    unsigned max_events_per_second;             /* of one connection; 0: no limit */
    unsigned max_bytes_per_second;              /* likewise; who sends more has to wait */
    unsigned init_timeout_ms;                   /* from the connection to its stream:init; 0: for ever */
    unsigned idle_timeout_ms;                   /* of a stream without a message; 0: for ever */
    unsigned close_delay_ms;                    /* from stream:complete to closing; 0: 5000 */
    unsigned ping_interval_ms, ping_timeout_ms; /* 0: the library's */
};

/* Serves /socket.io/ and /ws/sts on a server of the caller's. */
struct connections *connections_new(SoupServer *soup, const struct connections_config *config);
/* Takes no more handshakes. While the main loop goes on, each stream that lives finishes what it has in
 * flight and takes nothing new (session_drain), for finish_ms at most; then it is told that the service is
 * stopping (a fatal error), and its connection is closed (WebSocket close 1001). */
void connections_stop(struct connections *connections, unsigned finish_ms);
/* After that: iterates the default main context until streams have finished and all connections are gone, for
 * which they have so long when nothing is left to finish. */
void connections_wait_until_gone(struct connections *connections, unsigned at_most_ms);
/* Ends all. NULL is fine. */
void connections_free(struct connections *connections);
