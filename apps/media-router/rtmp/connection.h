/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One accepted RTMP connection: the session on a socket, publishing to or reading from the router.
 *
 * Nothing is sent from inside a callback: work is queued and the connection's source is woken, so that what a
 * publisher's read brings for a reader goes out in one writev. */
#pragma once

#include "../net_link.h"
#include "server.h"

struct rtmp_connection;

struct rtmp_connection_env {
    struct router *router;
    const struct router_config *config;
    const struct dub_clock *clock;
    struct net_tls *tls; /* NULL: plain */
    /* The connection is over and is freed by this call's receiver with rtmp_connection_free. */
    void (*ended)(struct rtmp_connection *connection, void *user);
    void *user;
};

/* Takes the fd (non-blocking) and the address; env is borrowed. */
struct rtmp_connection *rtmp_connection_new(const struct rtmp_connection_env *env, int take_fd,
                                            char *take_remote_address);
void rtmp_connection_free(struct rtmp_connection *connection);
/* It neither publishes nor plays. */
bool rtmp_connection_is_idle(const struct rtmp_connection *connection);
const char *rtmp_connection_remote_address(const struct rtmp_connection *connection);
/* Ends it after what is pending has been sent. */
void rtmp_connection_close(struct rtmp_connection *connection, const char *reason);
/* Ends it when a deadline has passed. May call ended. */
void rtmp_connection_check_deadlines(struct rtmp_connection *connection);
void rtmp_connection_describe(const struct rtmp_connection *connection, struct rtmp_connection_info *info);
