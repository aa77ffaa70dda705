/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../fd_source.h"
#include "../net.h"
#include "connection.h"

#include <dubbing_log.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MAX_MS 500
#define ACCEPT_PAUSE_S 1

struct rtmp_server {
    struct rtmp_connection_env env;
    int fd;
    uint16_t port;
    GSource *listener;
    GSource *tick;
    GQueue connections; /* struct rtmp_connection *, in the order of connecting */
    guint resume;       /* timer after an accept that failed for want of resources */
};

static void on_connection_ended(struct rtmp_connection *connection, void *user)
{
    struct rtmp_server *server = user;
    g_queue_remove(&server->connections, connection);
    rtmp_connection_free(connection);
}

static void adopt(struct rtmp_server *server, int fd, const struct sockaddr *address, socklen_t size)
{
    const int yes = 1;
    char *remote = net_format_address(address, size);
    if (server->connections.length >= RTMP_MAX_CONNECTIONS) {
        dub_log_warn("rtmp: %s refused, there are %d connections already", remote, RTMP_MAX_CONNECTIONS);
        g_free(remote);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    g_queue_push_tail(&server->connections, rtmp_connection_new(&server->env, fd, remote));
}

static gboolean on_resume(gpointer user)
{
    struct rtmp_server *server = user;
    server->resume = 0;
    fd_source_set_condition(server->listener, G_IO_IN);
    return G_SOURCE_REMOVE;
}

/* Out of descriptors: the waiting peer would wake us at once again. */
static void pause_accepting(struct rtmp_server *server)
{
    dub_log_error("rtmp: cannot accept a connection: %s", g_strerror(errno));
    fd_source_set_condition(server->listener, 0);
    server->resume = g_timeout_add_seconds(ACCEPT_PAUSE_S, on_resume, server);
}

static gboolean on_accept(int fd, GIOCondition condition, gpointer user)
{
    struct rtmp_server *server = user;
    for (;;) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int accepted = accept4(fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            adopt(server, accepted, (struct sockaddr *)&address, size);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(server);
        return G_SOURCE_CONTINUE;
    }
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
    int64_t shortest_ns = MIN(server->env.config->read_timeout_ns, server->env.config->write_timeout_ns);
    int64_t tick_ms = CLAMP(shortest_ns / (4 * DUB_NS_PER_MS), 1, TICK_MAX_MS);
    server->tick = g_timeout_source_new((guint)tick_ms);
    g_source_set_callback(server->tick, on_tick, server, NULL);
    g_source_attach(server->tick, g_main_context_get_thread_default());
}

struct rtmp_server *rtmp_server_new(struct router *router, const struct router_config *config,
                                    const struct dub_clock *clock, struct dub_error *error)
{
    int fd;
    uint16_t port;
    if (!net_listen(config->rtmp_address, &fd, &port, error))
        return NULL;
    struct rtmp_server *server = g_new0(struct rtmp_server, 1);
    server->env = (struct rtmp_connection_env){
        .router = router, .config = config, .clock = clock, .ended = on_connection_ended, .user = server};
    server->fd = fd;
    server->port = port;
    g_queue_init(&server->connections);
    server->listener = fd_source_new(fd, G_IO_IN, on_accept, server);
    start_tick(server);
    return server;
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
    g_clear_handle_id(&server->resume, g_source_remove);
    destroy_source(server->listener);
    destroy_source(server->tick);
    close(server->fd);
    struct rtmp_connection *connection;
    while ((connection = g_queue_pop_head(&server->connections)) != NULL)
        rtmp_connection_free(connection);
    g_free(server);
}

unsigned rtmp_server_port(const struct rtmp_server *server)
{
    return server->port;
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
