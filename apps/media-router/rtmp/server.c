/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../listener.h"
#include "../net.h"
#include "connection.h"

#include <string.h>

#define TICK_MAX_MS 500

/* One address, and what its connections have in common. */
struct door {
    struct rtmp_server *server;
    struct rtmp_connection_env env;
    struct listener *listener; /* NULL: it does not listen */
    uint16_t port;
};

struct rtmp_server {
    const struct router_config *config;
    struct door plain, encrypted;
    struct net_tls *tls; /* of encrypted */
    GSource *tick;
    GQueue connections; /* struct rtmp_connection *, in the order of connecting */
};

static void on_connection_ended(struct rtmp_connection *connection, void *user)
{
    struct rtmp_server *server = user;
    g_queue_remove(&server->connections, connection);
    rtmp_connection_free(connection);
}

static void on_accepted(int take_fd, char *take_remote_address, void *user)
{
    struct door *door = user;
    g_queue_push_tail(&door->server->connections,
                      rtmp_connection_new(&door->env, take_fd, take_remote_address));
}

static bool is_from(const struct rtmp_connection *connection, const char *host)
{
    const char *address = rtmp_connection_remote_address(connection);
    return host == NULL || (g_str_has_prefix(address, host) && address[strlen(host)] == ':');
}

static bool make_room(const char *host, void *user)
{
    struct rtmp_server *server = user;
    for (GList *link = server->connections.head; link != NULL; link = link->next) {
        struct rtmp_connection *connection = link->data;
        if (!rtmp_connection_is_idle(connection) || !is_from(connection, host))
            continue;
        rtmp_connection_close(connection, "others need its place (ROUTER_MAX_CONNECTIONS)");
        on_connection_ended(connection, server);
        return true;
    }
    return false;
}

static gboolean on_tick(gpointer user)
{
    struct rtmp_server *server = user;
    GList *next;
    for (GList *link = server->connections.head; link != NULL; link = next) {
        next = link->next;
        rtmp_connection_check_deadlines(link->data);
    }
    return G_SOURCE_CONTINUE;
}

static void start_tick(struct rtmp_server *server)
{
    const struct router_config *config = server->config;
    int64_t shortest_ns =
        MIN(MIN(config->read_timeout_ns, config->write_timeout_ns), config->limits.handshake_ns);
    int64_t tick_ms = CLAMP(shortest_ns / (4 * DUB_NS_PER_MS), 1, TICK_MAX_MS);
    server->tick = g_timeout_source_new((guint)tick_ms);
    g_source_set_callback(server->tick, on_tick, server, NULL);
    g_source_attach(server->tick, g_main_context_get_thread_default());
}

static bool listen_on(struct door *door, const char *protocol, const char *address, struct dub_error *error)
{
    int fd;
    if (!net_listen(address, &fd, &door->port, error))
        return false;
    door->listener = listener_new(fd, protocol, router_admission(door->env.router), on_accepted, door);
    return true;
}

static bool listen_encrypted(struct rtmp_server *server, struct dub_error *error)
{
    struct dub_error problem = {0};
    const struct router_config *config = server->config;
    server->tls = net_tls_new(config->rtmp_server_cert, config->rtmp_server_key, &problem);
    if (server->tls == NULL)
        return dub_error_set(error, problem.code, "rtmpServerCert, rtmpServerKey: %s", problem.message);
    server->encrypted.env.tls = server->tls;
    return listen_on(&server->encrypted, "rtmps", config->rtmps_address, error);
}

static bool start(struct rtmp_server *server, struct dub_error *error)
{
    enum router_encryption encryption = server->config->rtmp_encryption;
    if (encryption != ROUTER_ENCRYPTION_STRICT &&
        !listen_on(&server->plain, "rtmp", server->config->rtmp_address, error))
        return false;
    return encryption == ROUTER_ENCRYPTION_NO || listen_encrypted(server, error);
}

struct rtmp_server *rtmp_server_new(struct router *router, const struct router_config *config,
                                    const struct dub_clock *clock, struct dub_error *error)
{
    struct rtmp_server *server = g_new0(struct rtmp_server, 1);
    struct rtmp_connection_env env = {
        .router = router, .config = config, .clock = clock, .ended = on_connection_ended, .user = server};
    server->config = config;
    server->plain = server->encrypted = (struct door){.server = server, .env = env};
    g_queue_init(&server->connections);
    admission_add_server(router_admission(router), make_room, server);
    start_tick(server);
    if (start(server, error))
        return server;
    rtmp_server_free(server);
    return NULL;
}

static void destroy_source(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

void rtmp_server_free(struct rtmp_server *server)
{
    if (server == NULL)
        return;
    admission_remove_server(router_admission(server->plain.env.router), server);
    listener_free(server->plain.listener);
    listener_free(server->encrypted.listener);
    destroy_source(server->tick);
    struct rtmp_connection *connection;
    while ((connection = g_queue_pop_head(&server->connections)) != NULL)
        rtmp_connection_free(connection);
    net_tls_free(server->tls);
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
    for (GList *link = server->connections.head; link != NULL; link = link->next) {
        struct rtmp_connection_info *info = g_new(struct rtmp_connection_info, 1);
        rtmp_connection_describe(link->data, info);
        g_ptr_array_add(list, info);
    }
    return list;
}

static struct rtmp_connection *find(struct rtmp_server *server, const char *id,
                                    struct rtmp_connection_info *info)
{
    for (GList *link = server->connections.head; link != NULL; link = link->next) {
        rtmp_connection_describe(link->data, info);
        if (strcmp(info->id, id) == 0)
            return link->data;
    }
    return NULL;
}

bool rtmp_server_find(struct rtmp_server *server, const char *id, struct rtmp_connection_info *info)
{
    return find(server, id, info) != NULL;
}

bool rtmp_server_kick(struct rtmp_server *server, const char *id)
{
    struct rtmp_connection_info info;
    struct rtmp_connection *connection = find(server, id, &info);
    if (connection == NULL)
        return false;
    rtmp_connection_close(connection, "kicked through the Control API");
    return true;
}
