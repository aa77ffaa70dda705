/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../fd_watch.h"
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
/* Those who are here already have their turn between. */
#define ACCEPTS_PER_TURN 32

struct listener {
    struct rtmp_server *server;
    struct rtmp_connection_env env; /* of the connections that it accepts */
    int fd;
    uint16_t port;
    struct fd_watch *watch; /* NULL: it does not listen */
    guint resume;           /* timer after an accept that failed for want of resources */
};

struct rtmp_server {
    const struct router_config *config;
    struct listener plain, encrypted;
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

static void adopt(struct listener *listener, int fd, const struct sockaddr *address, socklen_t size)
{
    struct rtmp_server *server = listener->server;
    const int yes = 1;
    char *remote = net_format_address(address, size);
    if (server->connections.length >= RTMP_MAX_CONNECTIONS) {
        dub_log_warn("rtmp: %s refused, there are %d connections already", remote, RTMP_MAX_CONNECTIONS);
        g_free(remote);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    g_queue_push_tail(&server->connections, rtmp_connection_new(&listener->env, fd, remote));
}

static gboolean on_resume(gpointer user)
{
    struct listener *listener = user;
    listener->resume = 0;
    fd_watch_set_condition(listener->watch, G_IO_IN);
    return G_SOURCE_REMOVE;
}

/* Out of descriptors: the waiting peer would wake us at once again. */
static void pause_accepting(struct listener *listener)
{
    dub_log_error("rtmp: cannot accept a connection: %s", g_strerror(errno));
    fd_watch_set_condition(listener->watch, 0);
    listener->resume = g_timeout_add_seconds(ACCEPT_PAUSE_S, on_resume, listener);
}

static void on_accept(GIOCondition condition, void *user)
{
    struct listener *listener = user;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int accepted =
            accept4(listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            adopt(listener, accepted, (struct sockaddr *)&address, size);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(listener);
        return;
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
    int64_t shortest_ns = MIN(server->config->read_timeout_ns, server->config->write_timeout_ns);
    int64_t tick_ms = CLAMP(shortest_ns / (4 * DUB_NS_PER_MS), 1, TICK_MAX_MS);
    server->tick = g_timeout_source_new((guint)tick_ms);
    g_source_set_callback(server->tick, on_tick, server, NULL);
    g_source_attach(server->tick, g_main_context_get_thread_default());
}

static bool listen_on(struct listener *listener, const char *address, struct dub_error *error)
{
    if (!net_listen(address, &listener->fd, &listener->port, error))
        return false;
    listener->watch = fd_watch_new(listener->fd, G_IO_IN, on_accept, listener);
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
    return listen_on(&server->encrypted, config->rtmps_address, error);
}

static bool start(struct rtmp_server *server, struct dub_error *error)
{
    enum router_encryption encryption = server->config->rtmp_encryption;
    if (encryption != ROUTER_ENCRYPTION_STRICT &&
        !listen_on(&server->plain, server->config->rtmp_address, error))
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
    server->plain = server->encrypted = (struct listener){.server = server, .env = env};
    g_queue_init(&server->connections);
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

static void stop_listening(struct listener *listener)
{
    g_clear_handle_id(&listener->resume, g_source_remove);
    if (listener->watch == NULL)
        return;
    g_clear_pointer(&listener->watch, fd_watch_free);
    close(listener->fd);
}

void rtmp_server_free(struct rtmp_server *server)
{
    if (server == NULL)
        return;
    stop_listening(&server->plain);
    stop_listening(&server->encrypted);
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
