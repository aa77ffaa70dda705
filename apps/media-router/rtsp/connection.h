/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One accepted RTSP connection: the session on a socket, publishing to or reading from the router.
 *
 * Nothing is sent from inside a callback: work is queued and the connection's source is woken, so that what a
 * publisher's read brings for a reader goes out in one writev. */
#pragma once

#include "server.h"

struct rtsp_connection;

struct rtsp_connection_env {
    struct router *router;
    const struct router_config *config;
    const struct dub_clock *clock;
    GHashTable *sources; /* rtsp_sources_new */
    /* The connection is over and is freed by this call's receiver with rtsp_connection_free. */
    void (*ended)(struct rtsp_connection *connection, void *user);
    void *user;
};

/* Takes the fd (non-blocking) and the address; env is borrowed. */
struct rtsp_connection *rtsp_connection_new(const struct rtsp_connection_env *env, int take_fd,
                                            char *take_remote_address);
void rtsp_connection_free(struct rtsp_connection *connection);
/* Ends it after what is pending has been sent. */
void rtsp_connection_close(struct rtsp_connection *connection, const char *reason);
/* Ends it when a deadline has passed. May call ended. */
void rtsp_connection_check_deadlines(struct rtsp_connection *connection);
void rtsp_connection_describe(const struct rtsp_connection *connection, struct rtsp_connection_info *info);
