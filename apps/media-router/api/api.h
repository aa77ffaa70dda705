/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Control API (default port 9997), in the shape of MediaMTX's: /v3/paths, /v3/rtmpconns,
 * /v3/rtspconns, /v3/rtspsessions, /v3/info. */
#pragma once

#include "../router.h"
#include "../rtmp/server.h"
#include "../rtsp/server.h"

struct router_api;

/* Listens at once, on the thread-default context. rtmp and rtsp may be NULL (switched off). */
struct router_api *router_api_new(const char *address, struct router *router, struct rtmp_server *rtmp,
                                  struct rtsp_server *rtsp, struct dub_error *error);
unsigned router_api_port(const struct router_api *api);
/* NULL is fine. */
void router_api_free(struct router_api *api);
