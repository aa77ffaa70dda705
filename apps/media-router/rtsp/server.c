/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../listener.h"
#include "../net.h"
#include "connection.h"
#include "source.h"

#include <string.h>

/* One address, and what its connections have in common. */
struct door {
    struct rtsp_server *server;
    struct net_tls *tls;       /* NULL: plain */
    struct listener *listener; /* NULL: it does not listen */
    uint16_t port;
};

struct rtsp_server {
    struct peer_server base;
    GHashTable *sources;
    struct door plain, encrypted;
};

static void on_accepted(int take_fd, char *take_remote_address, void *user)
{
    struct door *door = user;
    rtsp_connection_new(&door->server->base, door->server->sources, door->tls, take_fd, take_remote_address);
}

static void open_door(struct door *door, const char *protocol, struct rtsp_listener take_listener)
{
    door->port = take_listener.port;
    door->listener = listener_new(take_listener.fd, protocol, router_admission(door->server->base.router),
                                  on_accepted, door);
}

bool rtsp_listen(const char *address, struct rtsp_listener *listener, struct dub_error *error)
{
    return net_listen(address, &listener->fd, &listener->port, error);
}

struct rtsp_server *rtsp_server_new(struct router *router, const struct router_config *config,
                                    const struct dub_clock *clock, struct rtsp_listener take_listener)
{
    struct rtsp_server *server = g_new0(struct rtsp_server, 1);
    peer_server_init(&server->base, router, config, clock);
    server->sources = rtsp_sources_new();
    server->plain.server = server->encrypted.server = server;
    if (take_listener.fd >= 0)
        open_door(&server->plain, "rtsp", take_listener);
    return server;
}

bool rtsp_server_listen_encrypted(struct rtsp_server *server, struct dub_error *error)
{
    const struct router_config *config = server->base.config;
    struct dub_error problem = {0};
    struct rtsp_listener listener;
    server->encrypted.tls = net_tls_new(config->rtsp_server_cert, config->rtsp_server_key, &problem);
    if (server->encrypted.tls == NULL)
        return dub_error_set(error, problem.code, "rtspServerCert, rtspServerKey: %s", problem.message);
    if (!rtsp_listen(config->rtsps_address, &listener, error))
        return false;
    open_door(&server->encrypted, "rtsps", listener);
    return true;
}

void rtsp_server_free(struct rtsp_server *server)
{
    if (server == NULL)
        return;
    listener_free(server->plain.listener);
    listener_free(server->encrypted.listener);
    peer_server_clear(&server->base);
    g_hash_table_unref(server->sources);
    net_tls_free(server->encrypted.tls);
    g_free(server);
}

unsigned rtsp_server_port(const struct rtsp_server *server)
{
    return server->plain.port;
}

unsigned rtsp_server_encrypted_port(const struct rtsp_server *server)
{
    return server->encrypted.port;
}

static GPtrArray *list(struct rtsp_server *server, bool with_session_only)
{
    GPtrArray *infos = g_ptr_array_new_with_free_func(g_free);
    for (GList *link = server->base.peers.head; link != NULL; link = link->next) {
        if (with_session_only && *rtsp_connection_session(link->data) == '\0')
            continue;
        struct rtsp_connection_info *info = g_new(struct rtsp_connection_info, 1);
        rtsp_connection_describe(link->data, info);
        g_ptr_array_add(infos, info);
    }
    return infos;
}

GPtrArray *rtsp_server_list(struct rtsp_server *server)
{
    return list(server, false);
}

GPtrArray *rtsp_server_list_sessions(struct rtsp_server *server)
{
    return list(server, true);
}

static bool describe(const struct peer *peer, struct rtsp_connection_info *info)
{
    if (peer != NULL)
        rtsp_connection_describe(peer, info);
    return peer != NULL;
}

static struct peer *find_session(struct rtsp_server *server, const char *id)
{
    for (GList *link = *id != '\0' ? server->base.peers.head : NULL; link != NULL; link = link->next)
        if (strcmp(rtsp_connection_session(link->data), id) == 0)
            return link->data;
    return NULL;
}

bool rtsp_server_find(struct rtsp_server *server, const char *id, struct rtsp_connection_info *info)
{
    return describe(peer_server_find(&server->base, id), info);
}

bool rtsp_server_find_session(struct rtsp_server *server, const char *id, struct rtsp_connection_info *info)
{
    return describe(find_session(server, id), info);
}

bool rtsp_server_kick_session(struct rtsp_server *server, const char *id)
{
    struct peer *peer = find_session(server, id);
    if (peer == NULL)
        return false;
    peer_close(peer, "kicked through the Control API");
    return true;
}
