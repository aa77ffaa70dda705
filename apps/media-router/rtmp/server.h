/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The RTMP listener and its connections, as publishers and readers of the router. One thread: that of the
 * GMainContext which is thread-default at rtmp_server_new. */
#pragma once

#include "../router.h"

#include <dubbing_clock.h>

struct rtmp_server;

/* What the Control API and the metrics say about one connection. Strings are borrowed. */
struct rtmp_connection_info {
    const char *id; /* UUID */
    const char *remote_address;
    bool is_encrypted;
    const char *state; /* "idle", "publish", "read" */
    const char *path;  /* "" while idle */
    const char *query;
    int64_t created_wall_ms;
    uint64_t received_bytes, sent_bytes; /* on the socket */
    uint64_t dropped_messages;           /* of a reader that was too slow */
};

/* Listens at once: on rtmpAddress, or on rtmpsAddress inside TLS, or on both, as rtmpEncryption says.
 * Everything passed in is borrowed and outlives the server. */
struct rtmp_server *rtmp_server_new(struct router *router, const struct router_config *config,
                                    const struct dub_clock *clock, struct dub_error *error);
/* Closes all connections. NULL is fine. */
void rtmp_server_free(struct rtmp_server *server);
/* 0: it does not listen there. */
unsigned rtmp_server_port(const struct rtmp_server *server);
unsigned rtmp_server_encrypted_port(const struct rtmp_server *server);

/* struct rtmp_connection_info *, in the order of connecting; freed with the array. */
GPtrArray *rtmp_server_list(struct rtmp_server *server);
/* False when there is no such connection. */
bool rtmp_server_find(struct rtmp_server *server, const char *id, struct rtmp_connection_info *info);
bool rtmp_server_kick(struct rtmp_server *server, const char *id);
