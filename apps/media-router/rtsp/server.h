/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The RTSP listener and its connections, as publishers and readers of the router. One thread: that of the
 * GMainContext which is thread-default at rtsp_server_new. */
#pragma once

#include "../router.h"

#include <dubbing_clock.h>

struct rtsp_server;

/* What the Control API and the metrics say about one connection and the session that it has. Strings are
 * borrowed. */
struct rtsp_connection_info {
    const char *id;      /* UUID of the connection */
    const char *session; /* UUID; "" without a session */
    const char *remote_address;
    bool is_encrypted;
    const char *state; /* "idle", "publish", "read" */
    const char *path;  /* "" without a session */
    const char *query;
    int64_t created_wall_ms;
    int64_t session_created_wall_ms;
    uint64_t received_bytes, sent_bytes;                                /* on the socket */
    uint64_t received_packets, lost_packets, bad_packets, sent_packets; /* RTP of the session */
    uint64_t dropped_messages;                                          /* of a reader that was too slow */
};

/* An address to listen on and what came of it: made first, because hooks are told the port, which the router
 * has to know before there is a server. */
struct rtsp_listener {
    int fd;
    uint16_t port;
};

bool rtsp_listen(const char *address, struct rtsp_listener *listener, struct dub_error *error);

/* Takes the listener; fd -1: none. Everything else is borrowed and outlives the server. */
struct rtsp_server *rtsp_server_new(struct router *router, const struct router_config *config,
                                    const struct dub_clock *clock, struct rtsp_listener take_listener);
/* Listens on rtspsAddress inside TLS too. */
bool rtsp_server_listen_encrypted(struct rtsp_server *server, struct dub_error *error);
/* Closes all connections. NULL is fine. */
void rtsp_server_free(struct rtsp_server *server);
/* 0: it does not listen there. */
unsigned rtsp_server_port(const struct rtsp_server *server);
unsigned rtsp_server_encrypted_port(const struct rtsp_server *server);

/* struct rtsp_connection_info *, in the order of connecting; freed with the array. */
GPtrArray *rtsp_server_list(struct rtsp_server *server);
/* Only those that have a session. */
GPtrArray *rtsp_server_list_sessions(struct rtsp_server *server);
/* By the id of the connection, or of its session. False when there is none. */
bool rtsp_server_find(struct rtsp_server *server, const char *id, struct rtsp_connection_info *info);
bool rtsp_server_find_session(struct rtsp_server *server, const char *id, struct rtsp_connection_info *info);
/* Ends the connection that has the session. */
bool rtsp_server_kick_session(struct rtsp_server *server, const char *id);
