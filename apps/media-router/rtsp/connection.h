/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One accepted RTSP connection: the session on a peer's socket, publishing to or reading from the router. */
#pragma once

#include "../peer_server.h"
#include "server.h"

/* Takes the fd (non-blocking) and the address, and belongs to the server. sources: rtsp_sources_new,
 * borrowed. tls: NULL for a plain one. */
void rtsp_connection_new(struct peer_server *server, GHashTable *sources, struct net_tls *tls, int take_fd,
                         char *take_remote_address);
/* Of a peer that rtsp_connection_new has made: the id of its session, "" without one; everything. */
const char *rtsp_connection_session(const struct peer *peer);
void rtsp_connection_describe(const struct peer *peer, struct rtsp_connection_info *info);
