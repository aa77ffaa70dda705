/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../listener.h"
#include "../net.h"
#include "connection.h"

/* One address, and what its connections have in common. */
struct door {
    struct rtmp_server *server;
    struct net_tls *tls;       /* NULL: plain */
    struct listener *listener; /* NULL: it does not listen */
    uint16_t port;
};

struct rtmp_server {
    struct peer_server base;
    struct door plain, encrypted;
};

static void on_accepted(int take_fd, char *take_remote_address, void *user)
{
    struct door *door = user;
    rtmp_connection_new(&door->server->base, door->tls, take_fd, take_remote_address);
}

static bool listen_on(struct door *door, const char *protocol, const char *address, struct dub_error *error)
{
    int fd;
    if (!net_listen(address, &fd, &door->port, error))
        return false;
    door->listener =
        listener_new(fd, protocol, router_admission(door->server->base.router), on_accepted, door);
    return true;
}

static bool listen_encrypted(struct rtmp_server *server, struct dub_error *error)
{
    struct dub_error problem = {0};
    const struct router_config *config = server->base.config;
    struct net_tls *tls = net_tls_new(config->rtmp_server_cert, config->rtmp_server_key, &problem);
    if (tls == NULL)
        return dub_error_set(error, problem.code, "rtmpServerCert, rtmpServerKey: %s", problem.message);
    server->encrypted.tls = tls;
    return listen_on(&server->encrypted, "rtmps", config->rtmps_address, error);
}

static bool start(struct rtmp_server *server, struct dub_error *error)
{
    enum router_encryption encryption = server->base.config->rtmp_encryption;
    if (encryption != ROUTER_ENCRYPTION_STRICT &&
        !listen_on(&server->plain, "rtmp", server->base.config->rtmp_address, error))
        return false;
    return encryption == ROUTER_ENCRYPTION_NO || listen_encrypted(server, error);
}

struct rtmp_server *rtmp_server_new(struct router *router, const struct router_config *config,
                                    const struct dub_clock *clock, struct dub_error *error)
{
    struct rtmp_server *server = g_new0(struct rtmp_server, 1);
    peer_server_init(&server->base, router, config, clock);
    server->plain.server = server->encrypted.server = server;
    if (start(server, error))
        return server;
    rtmp_server_free(server);
    return NULL;
}

void rtmp_server_free(struct rtmp_server *server)
{
    if (server == NULL)
        return;
    listener_free(server->plain.listener);
    listener_free(server->encrypted.listener);
    peer_server_clear(&server->base);
    net_tls_free(server->encrypted.tls);
    g_free(server);
}

unsigned rtmp_server_port(const struct rtmp_server *server)
{
    return server->plain.port;
}

unsigned rtmp_server_encrypted_port(const struct rtmp_server *server)
{
    return server->encrypted.port;
}

GPtrArray *rtmp_server_list(struct rtmp_server *server)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    for (GList *link = server->base.peers.head; link != NULL; link = link->next) {
        struct rtmp_connection_info *info = g_new(struct rtmp_connection_info, 1);
        rtmp_connection_describe(link->data, info);
        g_ptr_array_add(list, info);
    }
    return list;
}

bool rtmp_server_find(struct rtmp_server *server, const char *id, struct rtmp_connection_info *info)
{
    const struct peer *peer = peer_server_find(&server->base, id);
    if (peer == NULL)
        return false;
    rtmp_connection_describe(peer, info);
    return true;
}

bool rtmp_server_kick(struct rtmp_server *server, const char *id)
{
    struct peer *peer = peer_server_find(&server->base, id);
    if (peer == NULL)
        return false;
    peer_close(peer, "kicked through the Control API");
    return true;
}
