/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets and their packets. A socket that we leave stays in memory until the main loop comes round, so that
 * a handler may leave its own socket. */
#include "socketio_conn.h"
#include "sources.h"

#include <dubbing_log.h>
#include <string.h>

struct sio_conn {
    struct dub_eio_conn *engine;
    const struct sio_conn_ops *ops;
    void *owner;
    struct sio_decoder decoder;
    GHashTable *sockets; /* name to owned struct dub_sio_socket */
    GHashTable
        *left; /* set of names: what the peer sent before it knew that we left is no break of the rules */
};

struct dub_sio_socket {
    struct sio_conn *conn;
    const struct dub_sio_namespace *space;
    char sid[EIO_SID_MAX + 1];
    void *user;
    bool leaving;
    GSource *leave_later;
    GHashTable *acks; /* int64_t id to owned struct pending_ack */
    int64_t next_ack_id;
};

struct pending_ack {
    int64_t id;
    struct dub_sio_socket *socket;
    dub_sio_ack_handler handler;
    void *user;
    GSource *timeout;
};

static void pending_ack_free(struct pending_ack *ack)
{
    source_clear(&ack->timeout);
    g_free(ack);
}

/* Removes the acknowledgement from its socket before the handler runs: the handler may do anything. */
static void settle_ack(struct dub_sio_socket *socket, int64_t id, JsonArray *args, GPtrArray *attachments)
{
    struct pending_ack *ack = NULL;
    if (!g_hash_table_steal_extended(socket->acks, &id, NULL, (gpointer *)&ack))
        return; /* late, or never asked for */
    ack->handler(args, attachments, ack->user);
    pending_ack_free(ack);
}

static gboolean on_ack_timeout(void *data)
{
    struct pending_ack *ack = data;
    settle_ack(ack->socket, ack->id, NULL, NULL);
    return G_SOURCE_REMOVE;
}

static void socket_free(struct dub_sio_socket *socket)
{
    source_clear(&socket->leave_later);
    g_hash_table_unref(socket->acks);
    g_free(socket);
}

static void fail_acks(struct dub_sio_socket *socket)
{
    g_autoptr(GList) acks = g_hash_table_get_values(socket->acks);
    g_hash_table_steal_all(socket->acks);
    for (GList *item = acks; item != NULL; item = item->next) {
        struct pending_ack *ack = item->data;
        ack->handler(NULL, NULL, ack->user);
        pending_ack_free(ack);
    }
}

/* The end of a socket, whatever the reason. */
static void end_socket(struct dub_sio_socket *socket, enum dub_eio_reason reason)
{
    socket->leaving = true;
    g_hash_table_steal(socket->conn->sockets, socket->space->name);
    fail_acks(socket);
    if (socket->space->on_disconnect != NULL)
        socket->space->on_disconnect(socket, reason, socket->space->user);
    socket_free(socket);
}

static gboolean on_leave(void *data)
{
    struct dub_sio_socket *socket = data;
    struct sio_conn *conn = socket->conn;
    g_hash_table_add(conn->left, (void *)socket->space->name);
    end_socket(socket, DUB_EIO_CLOSED);
    conn->ops->on_left(conn, false, conn->owner);
    return G_SOURCE_REMOVE;
}

struct sio_conn *sio_conn_new(struct dub_eio_conn *engine, gsize max_packet_bytes,
                              const struct sio_conn_ops *ops, void *owner)
{
    struct sio_conn *conn = g_new0(struct sio_conn, 1);
    conn->engine = engine;
    conn->ops = ops;
    conn->owner = owner;
    sio_decoder_init(&conn->decoder, max_packet_bytes);
    conn->sockets = g_hash_table_new(g_str_hash, g_str_equal);
    conn->left = g_hash_table_new(g_str_hash, g_str_equal);
    return conn;
}

void sio_conn_free(struct sio_conn *conn, enum dub_eio_reason reason)
{
    if (conn == NULL)
        return;
    g_autoptr(GList) sockets = g_hash_table_get_values(conn->sockets);
    for (GList *item = sockets; item != NULL; item = item->next)
        end_socket(item->data, reason);
    g_hash_table_unref(conn->sockets);
    g_hash_table_unref(conn->left);
    sio_decoder_clear(&conn->decoder);
    g_free(conn);
}

struct dub_sio_socket *sio_conn_find(struct sio_conn *conn, const char *space)
{
    return g_hash_table_lookup(conn->sockets, space);
}

unsigned sio_conn_n_sockets(const struct sio_conn *conn)
{
    return g_hash_table_size(conn->sockets);
}

struct dub_sio_socket *sio_conn_add(struct sio_conn *conn, const struct dub_sio_namespace *space,
                                    const char *sid)
{
    struct dub_sio_socket *socket = g_new0(struct dub_sio_socket, 1);
    socket->conn = conn;
    socket->space = space;
    socket->acks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)pending_ack_free);
    g_strlcpy(socket->sid, sid, sizeof socket->sid);
    g_hash_table_insert(conn->sockets, (void *)space->name, socket);
    return socket;
}

void sio_conn_leave_all(struct sio_conn *conn)
{
    g_autoptr(GList) sockets = g_hash_table_get_values(conn->sockets);
    for (GList *item = sockets; item != NULL; item = item->next)
        dub_sio_socket_disconnect(item->data);
}

/* Returns a string with the engine's digit in it, to be continued with a packet. */
static GString *new_packet(gsize size_hint)
{
    GString *text = g_string_sized_new(size_hint);
    return g_string_append_c(text, EIO_MESSAGE);
}

bool sio_conn_send_control(struct sio_conn *conn, enum sio_packet_type type, const char *space,
                           JsonNode *data)
{
    GString *text = new_packet(128);
    sio_encode_control(text, type, space, data);
    return eio_conn_send_packet_take(conn->engine, text);
}

static void deliver_event(struct dub_sio_socket *socket, const struct sio_packet *packet)
{
    JsonArray *all = json_node_get_array(packet->data);
    guint n = json_array_get_length(all);
    g_autoptr(JsonArray) args = json_array_sized_new(n);
    for (guint i = 1; i < n; i++)
        json_array_add_element(args, json_node_ref(json_array_get_element(all, i)));
    struct dub_sio_event event = {
        .name = json_array_get_string_element(all, 0),
        .args = args,
        .attachments = packet->attachments,
        .ack_id = packet->id,
    };
    if (socket->space->on_event != NULL)
        socket->space->on_event(socket, &event, socket->space->user);
}

static void dispatch_to_socket(struct sio_conn *conn, struct dub_sio_socket *socket,
                               const struct sio_packet *packet)
{
    switch (packet->type) {
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        deliver_event(socket, packet);
        return;
    case SIO_ACK:
    case SIO_BINARY_ACK:
        settle_ack(socket, packet->id, json_node_get_array(packet->data), packet->attachments);
        return;
    case SIO_DISCONNECT:
        end_socket(socket, DUB_EIO_CLIENT_CLOSED);
        conn->ops->on_left(conn, true, conn->owner);
        return;
    case SIO_CONNECT:
    case SIO_CONNECT_ERROR:
        return; /* handled by the side's own ops */
    }
}

/* False: the peer has broken the protocol. */
static bool dispatch(struct sio_conn *conn, const struct sio_packet *packet)
{
    if (packet->type == SIO_CONNECT)
        return conn->ops->on_connect(conn, packet, conn->owner);
    if (packet->type == SIO_CONNECT_ERROR)
        return conn->ops->on_connect_error(conn, packet, conn->owner);
    struct dub_sio_socket *socket = sio_conn_find(conn, packet->space);
    if (socket == NULL)
        return g_hash_table_contains(conn->left, packet->space);
    if (!socket->leaving)
        dispatch_to_socket(conn, socket, packet);
    return true;
}

static void handle_decoded(struct sio_conn *conn, enum sio_decoded decoded, struct sio_packet *packet,
                           const struct dub_error *error)
{
    if (decoded == SIO_BROKEN) {
        eio_conn_break_protocol(conn->engine, error->message);
    } else if (decoded == SIO_COMPLETE) {
        if (!dispatch(conn, packet))
            eio_conn_break_protocol(conn->engine, "a packet for a namespace where it has no place");
        sio_packet_clear(packet);
    }
}

void sio_conn_handle_text(struct sio_conn *conn, const char *text, gsize size)
{
    struct sio_packet packet = {0};
    struct dub_error error = {0};
    enum sio_decoded decoded = sio_decoder_text(&conn->decoder, text, size, &packet, &error);
    handle_decoded(conn, decoded, &packet, &error);
}

void sio_conn_handle_binary(struct sio_conn *conn, GBytes *bytes)
{
    struct sio_packet packet = {0};
    struct dub_error error = {0};
    enum sio_decoded decoded = sio_decoder_binary(&conn->decoder, bytes, &packet, &error);
    handle_decoded(conn, decoded, &packet, &error);
}

static bool send_event(struct dub_sio_socket *socket, const char *event, int64_t id, JsonArray *args,
                       GPtrArray *attachments)
{
    unsigned n_attachments = attachments != NULL ? attachments->len : 0;
    g_return_val_if_fail(event == NULL || !sio_event_name_is_reserved(event), false);
    g_return_val_if_fail(n_attachments <= DUB_SIO_MAX_ATTACHMENTS, false);
    if (socket->leaving)
        return false;
    GString *text = new_packet(256);
    sio_encode_event(text, socket->space->name, event, id, args, n_attachments);
    bool sent = eio_conn_send_packet_take(socket->conn->engine, text);
    for (unsigned i = 0; sent && i < n_attachments; i++)
        sent = dub_eio_conn_send_binary(socket->conn->engine, attachments->pdata[i]);
    return sent;
}

bool dub_sio_socket_emit(struct dub_sio_socket *socket, const char *event, JsonArray *args,
                         GPtrArray *attachments)
{
    return send_event(socket, event, SIO_NO_ID, args, attachments);
}

bool dub_sio_socket_emit_take(struct dub_sio_socket *socket, const char *event, JsonNode *take_arg)
{
    g_autoptr(JsonArray) args = json_array_sized_new(1);
    json_array_add_element(args, take_arg);
    return send_event(socket, event, SIO_NO_ID, args, NULL);
}

bool dub_sio_socket_emit_ack(struct dub_sio_socket *socket, const char *event, JsonArray *args,
                             GPtrArray *attachments, unsigned timeout_ms, dub_sio_ack_handler handler,
                             void *user)
{
    if (!send_event(socket, event, socket->next_ack_id, args, attachments))
        return false;
    struct pending_ack *ack = g_new0(struct pending_ack, 1);
    ack->id = socket->next_ack_id++;
    ack->socket = socket;
    ack->handler = handler;
    ack->user = user;
    g_hash_table_insert(socket->acks, &ack->id, ack);
    source_put(&ack->timeout, g_timeout_source_new(timeout_ms != 0 ? timeout_ms : DUB_SIO_ACK_TIMEOUT_MS),
               NULL, on_ack_timeout, ack);
    return true;
}

bool dub_sio_socket_ack(struct dub_sio_socket *socket, int64_t ack_id, JsonArray *args,
                        GPtrArray *attachments)
{
    if (ack_id < 0)
        return true;
    return send_event(socket, NULL, ack_id, args, attachments);
}

void dub_sio_socket_disconnect(struct dub_sio_socket *socket)
{
    if (socket->leaving)
        return;
    sio_conn_send_control(socket->conn, SIO_DISCONNECT, socket->space->name, NULL);
    socket->leaving = true;
    source_put(&socket->leave_later, g_idle_source_new(), NULL, on_leave, socket);
}

void dub_sio_socket_close_connection(struct dub_sio_socket *socket)
{
    dub_eio_conn_close(socket->conn->engine, DUB_EIO_CLOSED);
}

void dub_sio_socket_send_away(struct dub_sio_socket *socket)
{
    dub_eio_conn_close(socket->conn->engine, DUB_EIO_GOING_AWAY);
}

const char *dub_sio_socket_id(const struct dub_sio_socket *socket)
{
    return socket->sid;
}

const char *dub_sio_socket_namespace(const struct dub_sio_socket *socket)
{
    return socket->space->name;
}

void dub_sio_socket_set_user(struct dub_sio_socket *socket, void *user)
{
    socket->user = user;
}

void *dub_sio_socket_user(const struct dub_sio_socket *socket)
{
    return socket->user;
}

gsize dub_sio_socket_queued_bytes(const struct dub_sio_socket *socket)
{
    return dub_eio_conn_queued_bytes(socket->conn->engine);
}
