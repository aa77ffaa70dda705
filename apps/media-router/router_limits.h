/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an operator may limit (ROUTER_ variables), and what is counted where a limit or a slow peer was met.
 */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>
#include <stdint.h>

struct router_limits {
    int64_t connections;             /* RTMP, RTMPS and RTSP together */
    int64_t connections_per_address; /* 0: no limit of its own */
    int64_t paths;                   /* in use at a time */
    int64_t hooks;                   /* processes at a time */
    int64_t handshake_ns;  /* from the connection, or the end of a stream, to publishing or playing */
    int64_t media_ns;      /* a publisher without a whole message of media is closed after it */
    int64_t message_bytes; /* of one RTMP message */
    int64_t gop_bytes;     /* of one path, kept for new readers; 0: nothing is kept */
    int64_t held_bytes;    /* of media, all paths, readers and unfinished messages together */
};

/* As they are written in the table of settings. */
#define ROUTER_DEFAULT_MAX_CONNECTIONS "1000"
#define ROUTER_DEFAULT_MAX_PATHS "1000"
#define ROUTER_DEFAULT_MAX_HOOKS "500"
#define ROUTER_DEFAULT_HANDSHAKE_TIMEOUT "10s"
#define ROUTER_DEFAULT_MEDIA_TIMEOUT "30s"
#define ROUTER_DEFAULT_MAX_MESSAGE "10MiB"
#define ROUTER_DEFAULT_GOP_CACHE "32MiB"
#define ROUTER_DEFAULT_MAX_MEMORY "512MiB"

/* The defaults. */
void router_limits_init(struct router_limits *limits);
/* Lets the process open the descriptors that the limits need, as far as the system allows it; a warning says
 * what to do where it does not. Once, at start. */
void router_limits_raise_descriptors(const struct router_limits *limits);

/* X(field, metric, help) */
#define ROUTER_COUNTERS(X)                                                                                   \
    X(accepted, "router_connections_accepted_total", "Connections accepted, all protocols.")                 \
    X(refused, "router_connections_refused_total",                                                           \
      "Connections closed at once: ROUTER_MAX_CONNECTIONS or ROUTER_MAX_CONNECTIONS_PER_ADDRESS.")           \
    X(replaced, "router_connections_replaced_total",                                                         \
      "Connections that did nothing, closed to make room for others.")                                       \
    X(accept_pauses, "router_accept_pauses_total", "Times that no connection could be accepted.")            \
    X(timeouts, "router_connections_timed_out_total", "Connections closed because a time had passed.")       \
    X(protocol_errors, "router_protocol_errors_total", "Connections closed for what the peer sent.")         \
    X(too_slow, "router_readers_too_slow_total", "Readers disconnected because they could not keep up.")     \
    X(discarded, "router_outbound_frames_discarded_total", "Messages dropped for slow readers.")             \
    X(paths_refused, "router_paths_refused_total", "Publishers refused: ROUTER_MAX_PATHS.")                  \
    X(caches_dropped, "router_gop_caches_dropped_total",                                                     \
      "Groups of pictures that new readers do not get: ROUTER_MAX_MEMORY.")                                  \
    X(out_of_memory, "router_connections_over_memory_total",                                                 \
      "Publishers closed for unfinished messages: ROUTER_MAX_MEMORY.")                                       \
    X(log_lines_left_out, "router_log_lines_left_out_total", "Log lines about peers that were left out.")

struct router_counters {
#define X(field, metric, help) uint64_t field;
    ROUTER_COUNTERS(X)
#undef X
};
