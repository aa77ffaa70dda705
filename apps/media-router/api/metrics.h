/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /metrics (default port 9998): numbers of paths and connections, gathered when they are asked for. */
#pragma once

#include "../router.h"
#include "../rtmp/server.h"
#include "../rtsp/server.h"

struct router_metrics;

/* Listens at once, on the thread-default context. rtmp and rtsp may be NULL. */
struct router_metrics *router_metrics_new(const char *address, struct router *router,
                                          struct rtmp_server *rtmp, struct rtsp_server *rtsp,
                                          struct dub_error *error);
unsigned router_metrics_port(const struct router_metrics *metrics);
/* NULL is fine. */
void router_metrics_free(struct router_metrics *metrics);
