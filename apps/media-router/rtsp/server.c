/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../listener.h"
#include "../net.h"
#include "connection.h"
#include "source.h"

#include <string.h>

#define TICK_MAX_MS 500

struct rtsp_server {
    struct rtsp_connection_env env;
    struct listener *listener;
    uint16_t port;
    GSource *tick;
    GQueue connections; /* struct rtsp_connection *, in the order of connecting */
};

static void on_connection_ended(struct rtsp_connection *connection, void *user)
{
    struct rtsp_server *server = user;
    g_queue_remove(&server->connections, connection);
    rtsp_connection_free(connection);
}

static void on_accepted(int take_fd, char *take_remote_address, void *user)
{
    struct rtsp_server *server = user;
    g_queue_push_tail(&server->connections, rtsp_connection_new(&server->env, take_fd, take_remote_address));
}

static bool is_from(const struct rtsp_connection_info *info, const char *host)
{
    return host == NULL ||
           (g_str_has_prefix(info->remote_address, host) && info->remote_address[strlen(host)] == ':');
}

static bool make_room(const char *host, void *user)
{
    struct rtsp_server *server = user;
    for (GList *link = server->connections.head; link != NULL; link = link->next) {
        struct rtsp_connection_info info;
        rtsp_connection_describe(link->data, &info);
        if (strcmp(info.state, "idle") != 0 || !is_from(&info, host))
            continue;
        rtsp_connection_close(link->data, "others need its place (ROUTER_MAX_CONNECTIONS)");
        on_connection_ended(link->data, server);
        return true;
    }
    return false;
}

static gboolean on_tick(gpointer user)
{
    struct rtsp_server *server = user;
    GList *next;
    for (GList *link = server->connections.head; link != NULL; link = next) {
        next = link->next;
        rtsp_connection_check_deadlines(link->data);
    }
    return G_SOURCE_CONTINUE;
}

static void start_tick(struct rtsp_server *server)
{
    int64_t shortest_ns = MIN(server->env.config->read_timeout_ns, server->env.config->write_timeout_ns);
    int64_t tick_ms = CLAMP(shortest_ns / (4 * DUB_NS_PER_MS), 1, TICK_MAX_MS);
    server->tick = g_timeout_source_new((guint)tick_ms);
    g_source_set_callback(server->tick, on_tick, server, NULL);
    g_source_attach(server->tick, g_main_context_get_thread_default());
}

bool rtsp_listen(const char *address, struct rtsp_listener *listener, struct dub_error *error)
{
    return net_listen(address, &listener->fd, &listener->port, error);
}

struct rtsp_server *rtsp_server_new(struct router *router, const struct router_config *config,
                                    const struct dub_clock *clock, struct rtsp_listener take_listener)
{
    struct rtsp_server *server = g_new0(struct rtsp_server, 1);
    server->env = (struct rtsp_connection_env){.router = router,
                                               .config = config,
                                               .clock = clock,
                                               .sources = rtsp_sources_new(),
                                               .ended = on_connection_ended,
                                               .user = server};
    server->port = take_listener.port;
    g_queue_init(&server->connections);
    server->listener = listener_new(take_listener.fd, "rtsp", router_admission(router), on_accepted, server);
    admission_add_server(router_admission(router), make_room, server);
    start_tick(server);
    return server;
}

static void destroy_source(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

void rtsp_server_free(struct rtsp_server *server)
{
    if (server == NULL)
        return;
    admission_remove_server(router_admission(server->env.router), server);
    listener_free(server->listener);
    destroy_source(server->tick);
    struct rtsp_connection *connection;
    while ((connection = g_queue_pop_head(&server->connections)) != NULL)
        rtsp_connection_free(connection);
    g_hash_table_unref(server->env.sources);
    g_free(server);
}

unsigned rtsp_server_port(const struct rtsp_server *server)
{
    return server->port;
}

static GPtrArray *list(struct rtsp_server *server, bool with_session_only)
{
    GPtrArray *infos = g_ptr_array_new_with_free_func(g_free);
    for (GList *link = server->connections.head; link != NULL; link = link->next) {
        struct rtsp_connection_info info;
        rtsp_connection_describe(link->data, &info);
        if (!with_session_only || *info.session != '\0')
            g_ptr_array_add(infos, g_memdup2(&info, sizeof info));
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

bool rtsp_server_find(struct rtsp_server *server, const char *id, struct rtsp_connection_info *info)
{
    for (GList *link = server->connections.head; link != NULL; link = link->next) {
        rtsp_connection_describe(link->data, info);
        if (strcmp(info->id, id) == 0)
            return true;
    }
    return false;
}

static struct rtsp_connection *find_session(struct rtsp_server *server, const char *id,
                                            struct rtsp_connection_info *info)
{
    for (GList *link = server->connections.head; link != NULL; link = link->next) {
        rtsp_connection_describe(link->data, info);
        if (*info->session != '\0' && strcmp(info->session, id) == 0)
            return link->data;
    }
    return NULL;
}

bool rtsp_server_find_session(struct rtsp_server *server, const char *id, struct rtsp_connection_info *info)
{
    return find_session(server, id, info) != NULL;
}

bool rtsp_server_kick_session(struct rtsp_server *server, const char *id)
{
    struct rtsp_connection_info info;
    struct rtsp_connection *connection = find_session(server, id, &info);
    if (connection == NULL)
        return false;
    rtsp_connection_close(connection, "kicked through the Control API");
    return true;
}
