/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer_server.h"

#include <string.h>

#define TICK_MAX_MS 1000

static bool is_from(const struct peer *peer, const char *host)
{
    const char *address = peer->remote_address;
    return host == NULL || (g_str_has_prefix(address, host) && address[strlen(host)] == ':');
}

static bool is_idle(const struct peer *peer)
{
    return peer->publisher->path == NULL && peer->reader->path == NULL;
}

static bool make_room(const char *host, void *user)
{
    struct peer_server *server = user;
    for (GList *link = server->peers.head; link != NULL; link = link->next) {
        struct peer *peer = link->data;
        if (!is_idle(peer) || !is_from(peer, host))
            continue;
        peer_close(peer, "others need its place (ROUTER_MAX_CONNECTIONS)");
        peer->ops->free(peer);
        return true;
    }
    return false;
}

static gboolean on_tick(gpointer user)
{
    struct peer_server *server = user;
    GList *next;
    for (GList *link = server->peers.head; link != NULL; link = next) {
        next = link->next;
        peer_check_deadlines(link->data);
    }
    return G_SOURCE_CONTINUE;
}

static void start_tick(struct peer_server *server)
{
    const struct router_config *config = server->config;
    int64_t shortest_ns =
        MIN(MIN(config->read_timeout_ns, config->write_timeout_ns), config->limits.handshake_ns);
    int64_t tick_ms = MAX(shortest_ns / (4 * DUB_NS_PER_MS), 1);
    /* Timers of whole seconds come due together: one wake-up for all servers. */
    server->tick = tick_ms >= TICK_MAX_MS ? g_timeout_source_new_seconds(TICK_MAX_MS / 1000)
                                          : g_timeout_source_new((guint)tick_ms);
    g_source_set_callback(server->tick, on_tick, server, NULL);
    g_source_attach(server->tick, g_main_context_get_thread_default());
}

static void stop_tick(struct peer_server *server)
{
    g_source_destroy(server->tick);
    g_clear_pointer(&server->tick, g_source_unref);
}

void peer_server_add(struct peer_server *server, struct peer *peer)
{
    peer->link.data = peer;
    g_queue_push_tail_link(&server->peers, &peer->link);
    if (server->tick == NULL)
        start_tick(server);
}

void peer_server_remove(struct peer_server *server, struct peer *peer)
{
    g_queue_unlink(&server->peers, &peer->link);
    if (server->peers.length == 0)
        stop_tick(server);
}

void peer_server_init(struct peer_server *server, struct router *router, const struct router_config *config,
                      const struct dub_clock *clock)
{
    server->router = router;
    server->config = config;
    server->clock = clock;
    g_queue_init(&server->peers);
    server->tick = NULL;
    admission_add_server(router_admission(router), make_room, server);
}

void peer_server_clear(struct peer_server *server)
{
    admission_remove_server(router_admission(server->router), server);
    while (server->peers.head != NULL) {
        struct peer *peer = server->peers.head->data;
        peer->ops->free(peer);
    }
}

struct peer *peer_server_find(const struct peer_server *server, const char *id)
{
    for (GList *link = server->peers.head; link != NULL; link = link->next) {
        struct peer *peer = link->data;
        if (strcmp(peer->id, id) == 0)
            return peer;
    }
    return NULL;
}
