/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client: one attempt to connect, then CONNECT for each of its namespaces. */
#include "dubbing_socketio.h"
#include "engineio_conn.h"
#include "socketio_conn.h"
#include "sources.h"
#include "ws_connect.h"

#include <dubbing_log.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

struct dub_sio_client {
    GUri *uri;
    GCancellable *cancellable;
    struct attempt *attempt; /* while it is being connected */
    GSource *connect_timeout;
    GSource *closed_later;
    struct dub_eio_conn *engine; /* NULL until the WebSocket is open */
    struct sio_conn *conn;
    struct dub_sio_client_namespace *namespaces; /* copied */
    unsigned n_namespaces;
    unsigned n_unanswered; /* CONNECTs */
    struct dub_eio_limits limits;
    const struct dub_sio_client_events *events;
    void *user;
    struct dub_error error; /* what on_closed will be told */
    bool closing;
};

/* The end of connecting may come after the client is gone. */
struct attempt {
    struct dub_sio_client *client; /* NULL once freed */
};

static gboolean on_closed_later(void *data)
{
    struct dub_sio_client *client = data;
    source_clear(&client->closed_later);
    if (client->events->on_closed != NULL)
        client->events->on_closed(client, &client->error, client->user);
    return G_SOURCE_REMOVE;
}

static void tell_closed(struct dub_sio_client *client)
{
    source_clear(&client->connect_timeout);
    if (client->closed_later == NULL)
        source_put(&client->closed_later, g_idle_source_new(), NULL, on_closed_later, client);
}

static const struct dub_sio_client_namespace *find_namespace(const struct dub_sio_client *client,
                                                             const char *name)
{
    for (unsigned i = 0; i < client->n_namespaces; i++) {
        if (strcmp(client->namespaces[i].space.name, name) == 0)
            return &client->namespaces[i];
    }
    return NULL;
}

/* "" when the object has no such string. */
static const char *string_member(JsonNode *node, const char *name)
{
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return "";
    JsonNode *member = json_object_get_member(json_node_get_object(node), name);
    if (member == NULL || !JSON_NODE_HOLDS_VALUE(member) || json_node_get_value_type(member) != G_TYPE_STRING)
        return "";
    return json_node_get_string(member);
}

static JsonNode *node_member(JsonNode *node, const char *name)
{
    return JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_member(json_node_get_object(node), name) : NULL;
}

/* A connection that no namespace uses is of no use, as the reference client sees it too. */
static void close_if_unused(struct sio_conn *conn, struct dub_sio_client *client)
{
    if (client->n_unanswered > 0 || sio_conn_n_sockets(conn) > 0)
        return;
    if (client->error.code == DUB_ERROR_NONE)
        dub_error_set(&client->error, DUB_ERROR_UNAVAILABLE, "the server ended or refused the session");
    dub_eio_conn_close(client->engine, DUB_EIO_CLOSED);
}

static bool on_connect(struct sio_conn *conn, const struct sio_packet *packet, void *owner)
{
    struct dub_sio_client *client = owner;
    const struct dub_sio_client_namespace *entry = find_namespace(client, packet->space);
    const char *sid = string_member(packet->data, "sid");
    if (entry == NULL || client->n_unanswered == 0 || sid[0] == '\0' || strlen(sid) > EIO_SID_MAX ||
        sio_conn_find(conn, packet->space) != NULL)
        return false;
    client->n_unanswered--;
    struct dub_sio_socket *socket = sio_conn_add(conn, &entry->space, sid);
    if (entry->space.on_connect != NULL)
        entry->space.on_connect(socket, NULL, NULL, entry->space.user);
    return true;
}

/* The reference server says {"message", "data"?}, others a bare string. */
static bool on_connect_error(struct sio_conn *conn, const struct sio_packet *packet, void *owner)
{
    struct dub_sio_client *client = owner;
    if (packet->data == NULL || client->n_unanswered == 0 || find_namespace(client, packet->space) == NULL)
        return false;
    client->n_unanswered--;
    bool is_text = JSON_NODE_HOLDS_VALUE(packet->data);
    const char *message =
        is_text ? json_node_get_string(packet->data) : string_member(packet->data, "message");
    JsonNode *data = is_text ? NULL : node_member(packet->data, "data");
    if (client->events->on_connect_error != NULL)
        client->events->on_connect_error(client, packet->space, string_member(data, "code"), message,
                                         client->user);
    close_if_unused(conn, client);
    return true;
}

/* Who has left by himself closes by himself. */
static void on_left(struct sio_conn *conn, bool by_peer, void *owner)
{
    if (by_peer)
        close_if_unused(conn, owner);
}

static const struct sio_conn_ops conn_ops = {on_connect, on_connect_error, on_left};

static void on_engine_open(struct dub_eio_conn *engine, void *owner)
{
    struct dub_sio_client *client = owner;
    source_clear(&client->connect_timeout);
    client->n_unanswered = client->n_namespaces;
    for (unsigned i = 0; i < client->n_namespaces; i++)
        sio_conn_send_control(client->conn, SIO_CONNECT, client->namespaces[i].space.name,
                              client->namespaces[i].auth);
}

static void on_engine_text(struct dub_eio_conn *engine, const char *text, gsize size, void *owner)
{
    struct dub_sio_client *client = owner;
    sio_conn_handle_text(client->conn, text, size);
}

static void on_engine_binary(struct dub_eio_conn *engine, GBytes *bytes, void *owner)
{
    struct dub_sio_client *client = owner;
    sio_conn_handle_binary(client->conn, bytes);
}

static void on_engine_close(struct dub_eio_conn *engine, enum dub_eio_reason reason, void *owner)
{
    struct dub_sio_client *client = owner;
    if (!client->closing && client->error.code == DUB_ERROR_NONE)
        dub_error_set(&client->error, reason == DUB_EIO_PROTOCOL ? DUB_ERROR_PROTOCOL : DUB_ERROR_UNAVAILABLE,
                      "the connection ended: %s", dub_eio_reason_text(reason));
    sio_conn_free(g_steal_pointer(&client->conn), reason);
}

static void on_engine_gone(struct dub_eio_conn *engine, void *owner)
{
    struct dub_sio_client *client = owner;
    g_clear_pointer(&client->engine, eio_conn_free);
    tell_closed(client);
}

static const struct eio_conn_events engine_events = {
    on_engine_open, on_engine_text, on_engine_binary, on_engine_close, on_engine_gone,
};

/* A server is no more to be trusted than a client: the same watch over the stream as on its side. */
static void use_stream(struct dub_sio_client *client, GIOStream *stream)
{
    g_autoptr(CountedStream) counted = counted_stream_new(stream, client->limits.max_payload_bytes);
    g_autoptr(SoupWebsocketConnection) ws = soup_websocket_connection_new(
        G_IO_STREAM(counted), client->uri, SOUP_WEBSOCKET_CONNECTION_CLIENT, NULL, NULL, NULL);
    client->engine = eio_conn_new(ws, counted, EIO_CLIENT, &client->limits, &engine_events, client);
    client->conn = sio_conn_new(client->engine, client->limits.max_payload_bytes, &conn_ops, client);
}

static void on_connected(GObject *source, GAsyncResult *result, void *data)
{
    struct attempt *attempt = data;
    struct dub_sio_client *client = attempt->client;
    g_autoptr(GError) gerror = NULL;
    g_autoptr(GIOStream) stream = ws_connect_finish(result, &gerror);
    g_free(attempt);
    if (client == NULL)
        return;
    client->attempt = NULL;
    if (stream != NULL && !g_cancellable_is_cancelled(client->cancellable)) {
        use_stream(client, stream);
        return;
    }
    if (client->error.code == DUB_ERROR_NONE && !client->closing)
        dub_error_take_gerror(&client->error, DUB_ERROR_UNAVAILABLE, "cannot connect", &gerror);
    tell_closed(client);
}

static gboolean on_connect_timeout(void *data)
{
    struct dub_sio_client *client = data;
    source_clear(&client->connect_timeout);
    dub_error_set(&client->error, DUB_ERROR_UNAVAILABLE, "cannot connect: no answer from the server in time");
    if (client->engine != NULL)
        dub_eio_conn_close(client->engine, DUB_EIO_CONNECT_TIMEOUT);
    else
        g_cancellable_cancel(client->cancellable);
    return G_SOURCE_REMOVE;
}

/* The URL of the handshake: a default path, and Engine.IO's own parameters after those given. */
static GUri *handshake_uri(const char *url, struct dub_error *error)
{
    g_autoptr(GError) gerror = NULL;
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED | G_URI_FLAGS_SCHEME_NORMALIZE, &gerror);
    if (uri == NULL) {
        dub_error_take_gerror(error, DUB_ERROR_INVALID_ARGUMENT, "not a URL", &gerror);
        return NULL;
    }
    static const char *const schemes[] = {"http", "https", "ws", "wss", NULL};
    if (!g_strv_contains(schemes, g_uri_get_scheme(uri)) || g_uri_get_host(uri) == NULL ||
        g_uri_get_host(uri)[0] == '\0') {
        dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "expected http(s)://host:port or ws(s)://host:port");
        return NULL;
    }
    bool is_secure = g_uri_get_scheme(uri)[strlen(g_uri_get_scheme(uri)) - 1] == 's' &&
                     strcmp(g_uri_get_scheme(uri), "ws") != 0;
    const char *path = g_uri_get_path(uri);
    bool has_path = path[0] != '\0' && strcmp(path, "/") != 0;
    const char *given = g_uri_get_query(uri);
    g_autofree char *query =
        g_strconcat(given != NULL ? given : "", given != NULL ? "&" : "", "EIO=4&transport=websocket", NULL);
    return g_uri_build(G_URI_FLAGS_ENCODED, is_secure ? "wss" : "ws", NULL, g_uri_get_host(uri),
                       g_uri_get_port(uri), has_path ? path : "/socket.io/", query, NULL);
}

static void copy_namespaces(struct dub_sio_client *client, const struct dub_sio_client_config *config)
{
    client->n_namespaces = config->n_namespaces;
    client->namespaces = g_new0(struct dub_sio_client_namespace, config->n_namespaces);
    for (unsigned i = 0; i < config->n_namespaces; i++) {
        client->namespaces[i] = config->namespaces[i];
        client->namespaces[i].space.name = g_strdup(config->namespaces[i].space.name);
        if (config->namespaces[i].auth != NULL)
            client->namespaces[i].auth = json_node_ref(config->namespaces[i].auth);
    }
}

static void start_attempt(struct dub_sio_client *client, const struct dub_sio_client_config *config)
{
    client->attempt = g_new0(struct attempt, 1);
    client->attempt->client = client;
    ws_connect_async(client->uri, config->headers, config->ca, client->cancellable, on_connected,
                     client->attempt);
    unsigned timeout_ms = config->connect_timeout_ms != 0 ? config->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    source_put(&client->connect_timeout, g_timeout_source_new(timeout_ms), NULL, on_connect_timeout, client);
}

struct dub_sio_client *dub_sio_client_new(const struct dub_sio_client_config *config,
                                          const struct dub_sio_client_events *events, void *user,
                                          struct dub_error *error)
{
    g_autoptr(GUri) uri = handshake_uri(config->url, error);
    if (uri == NULL)
        return NULL;
    struct dub_sio_client *client = g_new0(struct dub_sio_client, 1);
    client->uri = g_steal_pointer(&uri);
    client->cancellable = g_cancellable_new();
    client->limits = eio_limits_complete(&config->limits);
    client->events = events;
    client->user = user;
    copy_namespaces(client, config);
    start_attempt(client, config);
    return client;
}

void dub_sio_client_close(struct dub_sio_client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    if (client->engine == NULL) {
        g_cancellable_cancel(client->cancellable);
        return;
    }
    if (client->conn != NULL)
        sio_conn_leave_all(client->conn);
    dub_eio_conn_close(client->engine, DUB_EIO_CLOSED);
}

static void free_namespaces(struct dub_sio_client *client)
{
    for (unsigned i = 0; i < client->n_namespaces; i++) {
        g_free((char *)client->namespaces[i].space.name);
        g_clear_pointer(&client->namespaces[i].auth, json_node_unref);
    }
    g_free(client->namespaces);
}

void dub_sio_client_free(struct dub_sio_client *client)
{
    if (client == NULL)
        return;
    source_clear(&client->connect_timeout);
    source_clear(&client->closed_later);
    if (client->attempt != NULL)
        client->attempt->client = NULL;
    g_cancellable_cancel(client->cancellable);
    sio_conn_free(client->conn, DUB_EIO_CLOSED);
    eio_conn_free(client->engine);
    g_object_unref(client->cancellable);
    g_uri_unref(client->uri);
    free_namespaces(client);
    g_free(client);
}
