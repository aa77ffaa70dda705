/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the servers of all protocols have in common: their peers in the order of connecting, a look at the
 * deadlines now and then, and room for new ones when all places are taken. */
#pragma once

#include "peer.h"

struct peer_server {
    struct router *router;
    const struct router_config *config;
    const struct dub_clock *clock;
    GQueue peers;  /* struct peer */
    GSource *tick; /* NULL while there are no peers */
};

/* Everything is borrowed and outlives the server. */
void peer_server_init(struct peer_server *server, struct router *router, const struct router_config *config,
                      const struct dub_clock *clock);
/* Frees all peers. After the listeners. */
void peer_server_clear(struct peer_server *server);
/* For peer.c: a peer that has come, and one that goes. */
void peer_server_add(struct peer_server *server, struct peer *peer);
void peer_server_remove(struct peer_server *server, struct peer *peer);
/* By peer.id; NULL when there is none. */
struct peer *peer_server_find(const struct peer_server *server, const char *id);
