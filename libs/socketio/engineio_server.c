/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP side: checks a handshake, answers what is none with 400 and {"code", "message"}, and turns the
 * rest into connections.
 *
 * libsoup's own WebSocket handler would hand over a finished connection; the upgrade is done by hand here so
 * that the stream underneath can be watched (counted_stream.h), and no extension is accepted: compressed
 * messages would have to be bounded twice, and base64 of PCM hardly shrinks. */
#include "engineio_conn.h"

#include <dubbing_log.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

struct dub_eio_server {
    SoupServer *soup;
    GPtrArray *paths; /* as handed to libsoup, without the last slash */
    struct dub_eio_limits limits;
    const struct dub_eio_server_events *events;
    void *user;
    GHashTable *conns;    /* set of owned dub_eio_conn; CLOSING ones included */
    GHashTable *upgrades; /* set of struct upgrade whose answer is on its way */
    unsigned n_live;
    unsigned n_turned_away; /* since there was room: only the first is logged */
    bool is_closing;
};

/* A handshake that was accepted and whose 101 is not yet written. */
struct upgrade {
    struct dub_eio_server *server;
    SoupServerMessage *message;
    GHashTable *query;
};

/* The codes are those of the reference implementation. */
enum handshake_code {
    CODE_UNKNOWN_TRANSPORT = 0,
    CODE_UNKNOWN_SID = 1,
    CODE_BAD_METHOD = 2,
    CODE_BAD_REQUEST = 3,
    CODE_FORBIDDEN = 4,
    CODE_BAD_VERSION = 5,
};

/* Who was refused has nothing more to say, and libsoup 3.2 keeps a connection whose client just stays. */
static void refuse(SoupServerMessage *message, unsigned status, enum handshake_code code, const char *text)
{
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
    g_autofree char *body = g_strdup_printf("{\"code\":%d,\"message\":\"%s\"}", (int)code, text);
    soup_server_message_set_status(message, status, NULL);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, body, strlen(body));
}

static bool query_is(GHashTable *query, const char *name, const char *value)
{
    return query != NULL && g_strcmp0(g_hash_table_lookup(query, name), value) == 0;
}

static bool is_upgrade(SoupServerMessage *message)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    return soup_message_headers_header_contains(headers, "Upgrade", "websocket");
}

/* False when the request has been answered with what is wrong. */
static bool check_request(SoupServerMessage *message, GHashTable *query)
{
    if (strcmp(soup_server_message_get_method(message), SOUP_METHOD_GET) != 0) {
        refuse(message, SOUP_STATUS_BAD_REQUEST, CODE_BAD_METHOD,
               "Bad handshake method: only GET starts a session");
        return false;
    }
    if (!query_is(query, "EIO", "4")) {
        refuse(message, SOUP_STATUS_BAD_REQUEST, CODE_BAD_VERSION,
               "Unsupported protocol version: EIO=4 is served");
        return false;
    }
    if (!query_is(query, "transport", "websocket")) {
        refuse(message, SOUP_STATUS_BAD_REQUEST, CODE_UNKNOWN_TRANSPORT,
               "Transport unknown: only transport=websocket is served");
        return false;
    }
    if (g_hash_table_contains(query, "sid")) {
        refuse(message, SOUP_STATUS_BAD_REQUEST, CODE_UNKNOWN_SID,
               "Session ID unknown: connect with transports [websocket], without an upgrade");
        return false;
    }
    if (!is_upgrade(message)) {
        refuse(message, SOUP_STATUS_BAD_REQUEST, CODE_BAD_REQUEST,
               "Bad request: a WebSocket upgrade is needed");
        return false;
    }
    return true;
}

static void on_text(struct dub_eio_conn *conn, const char *text, gsize size, void *owner)
{
    struct dub_eio_server *server = owner;
    if (server->events->on_text != NULL)
        server->events->on_text(conn, text, size, server->user);
}

static void on_binary(struct dub_eio_conn *conn, GBytes *bytes, void *owner)
{
    struct dub_eio_server *server = owner;
    if (server->events->on_binary != NULL)
        server->events->on_binary(conn, bytes, server->user);
}

static void on_close(struct dub_eio_conn *conn, enum dub_eio_reason reason, void *owner)
{
    struct dub_eio_server *server = owner;
    server->n_live--;
    if (server->events->on_close != NULL)
        server->events->on_close(conn, reason, server->user);
}

static void on_gone(struct dub_eio_conn *conn, void *owner)
{
    struct dub_eio_server *server = owner;
    g_hash_table_remove(server->conns, conn);
}

static const struct eio_conn_events conn_events = {
    .on_text = on_text,
    .on_binary = on_binary,
    .on_close = on_close,
    .on_gone = on_gone,
};

static char *remote_address(SoupServerMessage *message)
{
    GSocketAddress *address = soup_server_message_get_remote_address(message);
    if (address == NULL || !G_IS_INET_SOCKET_ADDRESS(address))
        return g_strdup("");
    return g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
}

static void upgrade_free(struct upgrade *upgrade)
{
    g_signal_handlers_disconnect_by_data(upgrade->message, upgrade);
    g_object_unref(upgrade->message);
    g_hash_table_unref(upgrade->query);
    g_free(upgrade);
}

/* Small packets (pings, acknowledgements) must not wait for the peer's delayed ACK. */
static void disable_nagle(SoupServerMessage *message)
{
    GSocket *socket = soup_server_message_get_socket(message);
    if (socket != NULL)
        g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
}

static struct dub_eio_conn *open_connection(struct dub_eio_server *server, SoupServerMessage *message)
{
    disable_nagle(message);
    g_autoptr(GUri) uri = g_uri_ref(soup_server_message_get_uri(message));
    g_autoptr(GIOStream) stream = soup_server_message_steal_connection(message);
    g_autoptr(CountedStream) counted = counted_stream_new(stream, server->limits.max_payload_bytes);
    g_autoptr(SoupWebsocketConnection) ws = soup_websocket_connection_new(
        G_IO_STREAM(counted), uri, SOUP_WEBSOCKET_CONNECTION_SERVER, NULL, NULL, NULL);
    return eio_conn_new(ws, counted, EIO_SERVER, &server->limits, &conn_events, server);
}

static void on_switched(SoupServerMessage *message, void *data)
{
    struct upgrade *upgrade = data;
    struct dub_eio_server *server = upgrade->server;
    g_autofree char *address = remote_address(message);
    struct dub_eio_handshake handshake = {
        .headers = soup_server_message_get_request_headers(message),
        .query = upgrade->query,
        .remote_address = address,
    };
    /* The message dies with the connection that is taken from it; the headers are still needed. */
    g_autoptr(SoupServerMessage) keep = g_object_ref(message);
    g_signal_handlers_disconnect_by_data(message, upgrade);
    struct dub_eio_conn *conn = open_connection(server, message);
    g_hash_table_add(server->conns, conn);
    server->n_live++;
    if (server->events->on_open != NULL)
        server->events->on_open(conn, &handshake, server->user);
    if (server->is_closing)
        dub_eio_conn_close(conn, DUB_EIO_GOING_AWAY);
    g_hash_table_remove(server->upgrades, upgrade);
}

static void on_upgrade_lost(SoupServerMessage *message, void *data)
{
    struct upgrade *upgrade = data;
    g_hash_table_remove(upgrade->server->upgrades, upgrade);
}

static void start_upgrade(struct dub_eio_server *server, SoupServerMessage *message, GHashTable *query)
{
    if (!soup_websocket_server_process_handshake(message, NULL, NULL, NULL, NULL)) {
        refuse(message, soup_server_message_get_status(message), CODE_BAD_REQUEST,
               "Bad request: not a WebSocket handshake of version 13");
        return;
    }
    struct upgrade *upgrade = g_new0(struct upgrade, 1);
    if (server->n_turned_away > 1)
        dub_log_warn("Engine.IO handshakes refused for want of room: %u", server->n_turned_away);
    server->n_turned_away = 0;
    upgrade->server = server;
    upgrade->message = g_object_ref(message);
    upgrade->query = g_hash_table_ref(query);
    g_hash_table_add(server->upgrades, upgrade);
    g_signal_connect(message, "wrote-informational", G_CALLBACK(on_switched), upgrade);
    g_signal_connect(message, "disconnected", G_CALLBACK(on_upgrade_lost), upgrade);
    g_signal_connect(message, "finished", G_CALLBACK(on_upgrade_lost), upgrade);
}

static bool is_our_path(const struct dub_eio_server *server, const char *path)
{
    gsize length = strlen(path);
    if (length > 1 && path[length - 1] == '/')
        length--;
    for (guint i = 0; i < server->paths->len; i++) {
        const char *own = server->paths->pdata[i];
        if (strlen(own) == length && strncmp(own, path, length) == 0)
            return true;
    }
    return false;
}

/* Those that linger after their end count too: they hold a file descriptor. */
static unsigned n_held(const struct dub_eio_server *server)
{
    return g_hash_table_size(server->conns) + g_hash_table_size(server->upgrades);
}

/* False when the request has been answered with 503. */
static bool check_room(struct dub_eio_server *server, SoupServerMessage *message)
{
    if (server->is_closing) {
        refuse(message, SOUP_STATUS_SERVICE_UNAVAILABLE, CODE_FORBIDDEN, "The server is going away");
        return false;
    }
    if (n_held(server) < server->limits.max_connections)
        return true;
    if (server->n_turned_away++ == 0)
        dub_log_warn("Engine.IO handshake refused: %u connections are open",
                     g_hash_table_size(server->conns));
    refuse(message, SOUP_STATUS_SERVICE_UNAVAILABLE, CODE_FORBIDDEN, "Too many connections");
    return false;
}

static void on_request(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                       gpointer data)
{
    struct dub_eio_server *server = data;
    if (!is_our_path(server, path)) {
        refuse(message, SOUP_STATUS_NOT_FOUND, CODE_BAD_REQUEST, "Not found");
        return;
    }
    if (check_request(message, query) && check_room(server, message))
        start_upgrade(server, message, query);
}

/* No request of ours has a body; one that comes all the same is not kept. */
static void on_headers(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
                       gpointer data)
{
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
}

void dub_eio_server_add_path(struct dub_eio_server *server, const char *path)
{
    gsize length = strlen(path);
    if (length > 1 && path[length - 1] == '/')
        length--;
    char *own = g_strndup(path, length);
    g_ptr_array_add(server->paths, own);
    soup_server_add_early_handler(server->soup, own, on_headers, server, NULL);
    soup_server_add_handler(server->soup, own, on_request, server, NULL);
}

struct dub_eio_server *dub_eio_server_new(SoupServer *soup, const char *path,
                                          const struct dub_eio_limits *limits,
                                          const struct dub_eio_server_events *events, void *user)
{
    struct dub_eio_server *server = g_new0(struct dub_eio_server, 1);
    server->soup = g_object_ref(soup);
    server->paths = g_ptr_array_new_with_free_func(g_free);
    server->limits = eio_limits_complete(limits);
    server->events = events;
    server->user = user;
    server->conns = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)eio_conn_free, NULL);
    server->upgrades = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)upgrade_free, NULL);
    dub_eio_server_add_path(server, path);
    return server;
}

unsigned dub_eio_server_n_connections(const struct dub_eio_server *server)
{
    return server->n_live;
}

void dub_eio_server_refuse(struct dub_eio_server *server)
{
    server->is_closing = true;
}

void dub_eio_server_close(struct dub_eio_server *server)
{
    g_autoptr(GList) conns = g_hash_table_get_keys(server->conns);
    dub_eio_server_refuse(server);
    for (GList *item = conns; item != NULL; item = item->next)
        dub_eio_conn_close(item->data, DUB_EIO_GOING_AWAY);
}

bool dub_eio_server_is_empty(const struct dub_eio_server *server)
{
    return n_held(server) == 0;
}

static void end_connections(struct dub_eio_server *server)
{
    g_autoptr(GList) conns = g_hash_table_get_keys(server->conns);
    for (GList *item = conns; item != NULL; item = item->next) {
        if (!eio_conn_close_is_told(item->data))
            on_close(item->data, DUB_EIO_CLOSED, server);
    }
}

void dub_eio_server_free(struct dub_eio_server *server)
{
    if (server == NULL)
        return;
    for (guint i = 0; i < server->paths->len; i++)
        soup_server_remove_handler(server->soup, server->paths->pdata[i]);
    end_connections(server);
    g_hash_table_unref(server->upgrades);
    g_hash_table_unref(server->conns);
    g_ptr_array_unref(server->paths);
    g_object_unref(server->soup);
    g_free(server);
}
