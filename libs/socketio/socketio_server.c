/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server: who may CONNECT, and what a connection may do without: so long, so often, so many bytes. */
#include "dubbing_socketio.h"
#include "engineio_conn.h"
#include "socketio_conn.h"
#include "sources.h"

#include <dubbing_log.h>
#include <string.h>

struct dub_sio_server {
    struct dub_eio_server *engine;
    GHashTable *spaces; /* name to owned struct dub_sio_namespace; the name is the value's own */
    gsize max_packet_bytes;
    unsigned connect_timeout_ms;
};

/* The user pointer of an Engine.IO connection. */
struct peer {
    struct dub_sio_server *server;
    struct dub_eio_conn *engine;
    struct sio_conn *conn;
    GSource *connect_timeout; /* NULL while a namespace is connected */
    unsigned n_refused;
    /* The handshake, kept for later CONNECTs. */
    SoupMessageHeaders *headers;
    GHashTable *query;
    char *remote_address;
};

static gboolean on_connect_timeout(void *data)
{
    struct peer *peer = data;
    source_clear(&peer->connect_timeout);
    dub_eio_conn_close(peer->engine, DUB_EIO_CONNECT_TIMEOUT);
    return G_SOURCE_REMOVE;
}

static void await_connect(struct peer *peer)
{
    source_put(&peer->connect_timeout, g_timeout_source_new(peer->server->connect_timeout_ms), NULL,
               on_connect_timeout, peer);
}

static JsonNode *refusal_to_json(const struct dub_sio_refusal *refusal)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "message",
                                  refusal->code[0] != '\0' ? refusal->code : refusal->message);
    if (refusal->code[0] != '\0') {
        JsonObject *detail = json_object_new();
        json_object_set_string_member(detail, "code", refusal->code);
        json_object_set_string_member(detail, "message", refusal->message);
        json_object_set_object_member(object, "data", detail);
    }
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

/* Somebody who only tries keys is not served for ever. */
static bool refuse(struct peer *peer, const char *space, const struct dub_sio_refusal *refusal)
{
    g_autoptr(JsonNode) node = refusal_to_json(refusal);
    sio_conn_send_control(peer->conn, SIO_CONNECT_ERROR, space, node);
    if (++peer->n_refused == DUB_SIO_MAX_REFUSED_CONNECTS)
        dub_eio_conn_close(peer->engine, DUB_EIO_REFUSED);
    return true;
}

static void accept_namespace(struct peer *peer, const struct dub_sio_namespace *space,
                             const struct dub_eio_handshake *handshake, JsonNode *auth)
{
    char sid[EIO_ID_CHARS + 1];
    eio_random_id(sid);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "sid", sid);
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    if (!sio_conn_send_control(peer->conn, SIO_CONNECT, space->name, node))
        return; /* closing already: nobody is told of a socket that never was */
    source_clear(&peer->connect_timeout);
    eio_conn_set_max_message(peer->engine, peer->server->max_packet_bytes);
    struct dub_sio_socket *socket = sio_conn_add(peer->conn, space, sid);
    if (space->on_connect != NULL)
        space->on_connect(socket, handshake, auth, space->user);
}

static bool on_connect(struct sio_conn *conn, const struct sio_packet *packet, void *owner)
{
    struct peer *peer = owner;
    const struct dub_sio_namespace *space = g_hash_table_lookup(peer->server->spaces, packet->space);
    struct dub_sio_refusal refusal = {.message = "Invalid namespace"};
    if (space == NULL)
        return refuse(peer, packet->space, &refusal);
    if (sio_conn_find(conn, packet->space) != NULL || sio_conn_n_sockets(conn) >= DUB_SIO_MAX_NAMESPACES)
        return false;
    const struct dub_eio_handshake handshake = {
        .headers = peer->headers,
        .query = peer->query,
        .remote_address = peer->remote_address,
    };
    refusal = (struct dub_sio_refusal){.message = "Refused"};
    if (space->on_authorize != NULL && !space->on_authorize(&handshake, packet->data, &refusal, space->user))
        return refuse(peer, packet->space, &refusal);
    accept_namespace(peer, space, &handshake, packet->data);
    return true;
}

/* Only servers refuse. */
static bool on_connect_error(struct sio_conn *conn, const struct sio_packet *packet, void *owner)
{
    return false;
}

/* A connection without a namespace is again one that has to CONNECT. */
static void on_left(struct sio_conn *conn, bool by_peer, void *owner)
{
    if (sio_conn_n_sockets(conn) == 0)
        await_connect(owner);
}

static const struct sio_conn_ops conn_ops = {on_connect, on_connect_error, on_left};

static void on_open(struct dub_eio_conn *engine, const struct dub_eio_handshake *handshake, void *user)
{
    struct dub_sio_server *server = user;
    struct peer *peer = g_new0(struct peer, 1);
    peer->server = server;
    peer->engine = engine;
    peer->conn = sio_conn_new(engine, server->max_packet_bytes, &conn_ops, peer);
    peer->headers = soup_message_headers_ref(handshake->headers);
    peer->query = g_hash_table_ref(handshake->query);
    peer->remote_address = g_strdup(handshake->remote_address);
    eio_conn_set_max_message(engine, DUB_SIO_MAX_CONNECT_BYTES);
    await_connect(peer);
    dub_eio_conn_set_user(engine, peer);
}

static void on_text(struct dub_eio_conn *engine, const char *text, gsize size, void *user)
{
    struct peer *peer = dub_eio_conn_user(engine);
    sio_conn_handle_text(peer->conn, text, size);
}

static void on_binary(struct dub_eio_conn *engine, GBytes *bytes, void *user)
{
    struct peer *peer = dub_eio_conn_user(engine);
    sio_conn_handle_binary(peer->conn, bytes);
}

static void on_close(struct dub_eio_conn *engine, enum dub_eio_reason reason, void *user)
{
    struct peer *peer = dub_eio_conn_user(engine);
    source_clear(&peer->connect_timeout);
    sio_conn_free(peer->conn, reason);
    soup_message_headers_unref(peer->headers);
    g_hash_table_unref(peer->query);
    g_free(peer->remote_address);
    g_free(peer);
}

static const struct dub_eio_server_events engine_events = {on_open, on_text, on_binary, on_close};

static void namespace_free(void *data)
{
    struct dub_sio_namespace *space = data;
    g_free((char *)space->name);
    g_free(space);
}

struct dub_sio_server *dub_sio_server_new(SoupServer *soup, const struct dub_sio_server_config *config)
{
    static const char *const default_paths[] = {"/socket.io/", NULL};
    const struct dub_sio_server_config none = {0};
    if (config == NULL)
        config = &none;
    const char *const *paths = config->paths != NULL ? config->paths : default_paths;
    struct dub_sio_server *server = g_new0(struct dub_sio_server, 1);
    server->spaces = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, namespace_free);
    server->connect_timeout_ms =
        config->connect_timeout_ms != 0 ? config->connect_timeout_ms : DUB_SIO_CONNECT_TIMEOUT_MS;
    server->max_packet_bytes = eio_limits_complete(&config->limits).max_payload_bytes;
    server->engine = dub_eio_server_new(soup, paths[0], &config->limits, &engine_events, server);
    for (gsize i = 1; paths[i] != NULL; i++)
        dub_eio_server_add_path(server->engine, paths[i]);
    return server;
}

void dub_sio_server_add_namespace(struct dub_sio_server *server, const struct dub_sio_namespace *space)
{
    struct dub_sio_namespace *copy = g_memdup2(space, sizeof *space);
    copy->name = g_strdup(space->name);
    g_hash_table_replace(server->spaces, (void *)copy->name, copy);
}

unsigned dub_sio_server_n_connections(const struct dub_sio_server *server)
{
    return dub_eio_server_n_connections(server->engine);
}

void dub_sio_server_refuse(struct dub_sio_server *server)
{
    dub_eio_server_refuse(server->engine);
}

void dub_sio_server_close(struct dub_sio_server *server)
{
    dub_eio_server_close(server->engine);
}

bool dub_sio_server_is_empty(const struct dub_sio_server *server)
{
    return dub_eio_server_is_empty(server->engine);
}

void dub_sio_server_free(struct dub_sio_server *server)
{
    if (server == NULL)
        return;
    dub_eio_server_free(server->engine);
    g_hash_table_unref(server->spaces);
    g_free(server);
}
