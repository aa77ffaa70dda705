/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One accepted RTMP connection: the session on a peer's socket, publishing to or reading from the router. */
#pragma once

#include "../peer_server.h"
#include "server.h"

/* Takes the fd (non-blocking) and the address, and belongs to the server. tls: NULL for a plain one. */
void rtmp_connection_new(struct peer_server *server, struct net_tls *tls, int take_fd,
                         char *take_remote_address);
/* Of a peer that rtmp_connection_new has made. */
void rtmp_connection_describe(const struct peer *peer, struct rtmp_connection_info *info);
