/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection. Whatever ends it goes through finish(), which fixes the reason once; the owner is told from
 * an idle source, so that no call of the owner's can pull the connection away from under itself. */
#include "engineio_conn.h"
#include "sources.h"

#include <dubbing_log.h>
#include <dubbing_text.h>
#include <string.h>
#include <sys/random.h>

/* For what waits to be sent, and for the peer's part of the closing handshake. */
#define LINGER_MS 3000

enum conn_state { OPENING, OPEN, CLOSING, GONE };

struct dub_eio_conn {
    SoupWebsocketConnection *ws;
    CountedStream *counter;
    GMainContext *context;
    const struct eio_conn_events *events;
    void *owner;
    void *user;
    struct dub_eio_limits limits;
    struct eio_open open;
    enum eio_role role;
    enum conn_state state;
    enum dub_eio_reason reason;
    bool close_told;
    bool broken;     /* the peer's frames were not what RFC 6455 or our limits allow */
    GSource *ping;   /* server: time for the next ping */
    GSource *watch;  /* the peer's heartbeat is overdue when it fires */
    GSource *notify; /* on_close and on_gone are to be called */
    GSource *linger;
};

static const char *const reason_texts[] = {
#define X(name, text) text,
    DUB_EIO_REASONS(X)
#undef X
};

const char *dub_eio_reason_text(enum dub_eio_reason reason)
{
    return reason < DUB_EIO_REASON_COUNT ? reason_texts[reason] : "unknown";
}

const char *dub_eio_handshake_header(const struct dub_eio_handshake *handshake, const char *name)
{
    const char *value = soup_message_headers_get_one(handshake->headers, name);
    return value != NULL ? value : "";
}

struct dub_eio_limits eio_limits_complete(const struct dub_eio_limits *limits)
{
    struct dub_eio_limits complete = limits != NULL ? *limits : (struct dub_eio_limits){0};
#define OR_DEFAULT(field, value) complete.field = complete.field != 0 ? complete.field : (value)
    OR_DEFAULT(ping_interval_ms, DUB_EIO_PING_INTERVAL_MS);
    OR_DEFAULT(ping_timeout_ms, DUB_EIO_PING_TIMEOUT_MS);
    OR_DEFAULT(max_payload_bytes, DUB_EIO_MAX_PAYLOAD_BYTES);
    OR_DEFAULT(max_queued_bytes, DUB_EIO_MAX_QUEUED_BYTES);
    OR_DEFAULT(max_connections, DUB_EIO_MAX_CONNECTIONS);
#undef OR_DEFAULT
    return complete;
}

void eio_random_id(char id[EIO_ID_CHARS + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[EIO_ID_CHARS];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        g_error("the kernel gives no random numbers");
    for (int i = 0; i < EIO_ID_CHARS; i++)
        id[i] = alphabet[random[i] % 64];
    id[EIO_ID_CHARS] = '\0';
}

static void start_timer(struct dub_eio_conn *conn, GSource **source, int64_t after_ms, GSourceFunc callback)
{
    source_put(source, g_timeout_source_new((guint)after_ms), conn->context, callback, conn);
}

static void drop_websocket(struct dub_eio_conn *conn)
{
    if (conn->ws == NULL)
        return;
    g_signal_handlers_disconnect_by_data(conn->ws, conn);
    if (soup_websocket_connection_get_state(conn->ws) != SOUP_WEBSOCKET_STATE_CLOSED)
        g_io_stream_close(soup_websocket_connection_get_io_stream(conn->ws), NULL, NULL);
    g_clear_object(&conn->ws);
}

static gboolean on_notify(void *data)
{
    struct dub_eio_conn *conn = data;
    source_clear(&conn->notify);
    if (!conn->close_told) {
        conn->close_told = true;
        conn->events->on_close(conn, conn->reason, conn->owner);
    }
    if (conn->state == GONE)
        conn->events->on_gone(conn, conn->owner);
    return G_SOURCE_REMOVE;
}

static void notify_later(struct dub_eio_conn *conn)
{
    if (conn->notify == NULL)
        start_timer(conn, &conn->notify, 0, on_notify);
}

static void become_gone(struct dub_eio_conn *conn)
{
    source_clear(&conn->linger);
    drop_websocket(conn);
    conn->state = GONE;
    notify_later(conn);
}

static gboolean on_linger_end(void *data)
{
    become_gone(data);
    return G_SOURCE_REMOVE;
}

static gushort close_code(enum dub_eio_reason reason)
{
    switch (reason) {
    case DUB_EIO_PROTOCOL:
        return SOUP_WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    case DUB_EIO_REFUSED:
        return SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION;
    case DUB_EIO_GOING_AWAY:
        return SOUP_WEBSOCKET_CLOSE_GOING_AWAY;
    default:
        return SOUP_WEBSOCKET_CLOSE_NORMAL;
    }
}

/* A peer that still listens gets what waits and a closing handshake; one that does not is cut off. */
static bool is_worth_a_farewell(enum dub_eio_reason reason)
{
    return reason != DUB_EIO_TRANSPORT && reason != DUB_EIO_PING_TIMEOUT && reason != DUB_EIO_OVERFLOW;
}

/* text: what the peer is told beside the close code; NULL: nothing. */
static void finish(struct dub_eio_conn *conn, enum dub_eio_reason reason, const char *text)
{
    if (!eio_conn_is_live(conn))
        return;
    conn->state = CLOSING;
    conn->reason = reason;
    source_clear(&conn->ping);
    source_clear(&conn->watch);
    if (!is_worth_a_farewell(reason)) {
        become_gone(conn);
        return;
    }
    start_timer(conn, &conn->linger, LINGER_MS, on_linger_end);
    notify_later(conn);
    if (soup_websocket_connection_get_state(conn->ws) == SOUP_WEBSOCKET_STATE_OPEN)
        soup_websocket_connection_close(conn->ws, close_code(reason), text);
}

/* RFC 6455 section 5.5: what a close frame holds beside its code. */
#define CLOSE_TEXT_BYTES 123

void eio_conn_break_protocol(struct dub_eio_conn *conn, const char *what)
{
    g_autofree char *text = g_strndup(what, (gsize)dub_text_cut(what, CLOSE_TEXT_BYTES));
    dub_log_warn("Engine.IO connection %s closed: %s", conn->open.sid, what);
    finish(conn, DUB_EIO_PROTOCOL, text);
}

static gboolean on_heartbeat_overdue(void *data)
{
    struct dub_eio_conn *conn = data;
    dub_log_warn("Engine.IO connection %s closed: no heartbeat", conn->open.sid);
    finish(conn, DUB_EIO_PING_TIMEOUT, NULL);
    return G_SOURCE_REMOVE;
}

static bool send_frame(struct dub_eio_conn *conn, SoupWebsocketDataType type, GBytes *bytes)
{
    if (!eio_conn_is_live(conn) || soup_websocket_connection_get_state(conn->ws) != SOUP_WEBSOCKET_STATE_OPEN)
        return false;
    gsize size = g_bytes_get_size(bytes);
    /* RFC 6455 section 5.2: 2 bytes of header, or 4, or 10; a client adds a mask of 4. */
    gsize mask = conn->role == EIO_CLIENT ? 4 : 0;
    counted_stream_add_queued(conn->counter, size + mask + (size <= 125 ? 2 : size <= UINT16_MAX ? 4 : 10));
    if (dub_eio_conn_queued_bytes(conn) > conn->limits.max_queued_bytes) {
        dub_log_warn("Engine.IO connection %s closed: more than %u bytes wait for it", conn->open.sid,
                     conn->limits.max_queued_bytes);
        finish(conn, DUB_EIO_OVERFLOW, NULL);
        return false;
    }
    soup_websocket_connection_send_message(conn->ws, type, bytes);
    return true;
}

static bool send_packet(struct dub_eio_conn *conn, enum eio_packet_type type)
{
    char text[2] = {(char)type, '\0'};
    g_autoptr(GBytes) bytes = g_bytes_new(text, 1);
    return send_frame(conn, SOUP_WEBSOCKET_DATA_TEXT, bytes);
}

static gboolean on_time_to_ping(void *data)
{
    struct dub_eio_conn *conn = data;
    start_timer(conn, &conn->watch, conn->open.ping_timeout_ms, on_heartbeat_overdue);
    source_clear(&conn->ping);
    send_packet(conn, EIO_PING);
    return G_SOURCE_REMOVE;
}

/* Anything complete from the peer is a sign of life: a pong may stand behind a large message. */
static void note_life(struct dub_eio_conn *conn)
{
    if (!eio_conn_is_live(conn))
        return;
    if (conn->role == EIO_CLIENT) {
        if (conn->state == OPEN)
            start_timer(conn, &conn->watch, conn->open.ping_interval_ms + conn->open.ping_timeout_ms,
                        on_heartbeat_overdue);
        return;
    }
    if (conn->watch != NULL) {
        source_clear(&conn->watch);
        start_timer(conn, &conn->ping, conn->open.ping_interval_ms, on_time_to_ping);
    }
}

static void handle_open(struct dub_eio_conn *conn, const char *payload, gsize size)
{
    struct dub_error error = {0};
    if (!eio_open_decode(payload, size, &conn->open, &error)) {
        eio_conn_break_protocol(conn, error.message);
        return;
    }
    conn->state = OPEN;
    note_life(conn);
    conn->events->on_open(conn, conn->owner);
}

static void handle_message(struct dub_eio_conn *conn, const char *payload, gsize size)
{
    note_life(conn);
    conn->events->on_text(conn, payload, size, conn->owner);
}

/* Who may send what: heartbeats go from server to client and back, upgrades belong to a transport that is not
 * here. */
static bool is_allowed(const struct dub_eio_conn *conn, enum eio_packet_type type)
{
    if (conn->role == EIO_SERVER)
        return type == EIO_PONG || type == EIO_MESSAGE || type == EIO_CLOSE || type == EIO_NOOP;
    if (conn->state == OPENING)
        return type == EIO_OPEN || type == EIO_CLOSE;
    return type == EIO_PING || type == EIO_MESSAGE || type == EIO_CLOSE || type == EIO_NOOP;
}

static void handle_packet(struct dub_eio_conn *conn, enum eio_packet_type type, const char *payload,
                          gsize size)
{
    switch (type) {
    case EIO_OPEN:
        handle_open(conn, payload, size);
        return;
    case EIO_MESSAGE:
        handle_message(conn, payload, size);
        return;
    case EIO_CLOSE:
        finish(conn, DUB_EIO_CLIENT_CLOSED, NULL);
        return;
    case EIO_PING:
        send_packet(conn, EIO_PONG);
        note_life(conn);
        return;
    case EIO_PONG:
    case EIO_NOOP:
    case EIO_UPGRADE:
        note_life(conn);
    }
}

static void handle_text(struct dub_eio_conn *conn, GBytes *bytes)
{
    gsize size = 0;
    const char *text = g_bytes_get_data(bytes, &size);
    enum eio_packet_type type = EIO_NOOP;
    const char *payload = NULL;
    gsize payload_size = 0;
    struct dub_error error = {0};
    if (!eio_packet_decode(text, size, &type, &payload, &payload_size, &error)) {
        eio_conn_break_protocol(conn, error.message);
        return;
    }
    if (!is_allowed(conn, type)) {
        eio_conn_break_protocol(conn, "a packet type that has no place there");
        return;
    }
    handle_packet(conn, type, payload, payload_size);
}

static void on_ws_message(SoupWebsocketConnection *ws, int type, GBytes *bytes, void *data)
{
    struct dub_eio_conn *conn = data;
    if (!eio_conn_is_live(conn))
        return;
    if (type == SOUP_WEBSOCKET_DATA_TEXT) {
        handle_text(conn, bytes);
        return;
    }
    if (conn->state == OPENING) {
        eio_conn_break_protocol(conn, "bytes before the open packet");
        return;
    }
    note_life(conn);
    conn->events->on_binary(conn, bytes, conn->owner);
}

/* What libsoup itself found wrong: a message beyond the limit, text that is not UTF-8, bad frames; and what
 * the stream beneath did. libsoup closes then. */
static void on_ws_error(SoupWebsocketConnection *ws, GError *gerror, void *data)
{
    struct dub_eio_conn *conn = data;
    conn->broken = conn->broken || gerror->domain == SOUP_WEBSOCKET_ERROR ||
                   counted_stream_excess(conn->counter) != COUNTED_NO_EXCESS;
    dub_log(conn->broken ? DUB_LOG_WARN : DUB_LOG_DEBUG, NULL, "Engine.IO connection %s: %s", conn->open.sid,
            gerror->message);
}

static enum dub_eio_reason reason_of_close(const struct dub_eio_conn *conn)
{
    if (counted_stream_excess(conn->counter) == COUNTED_PING_FLOOD)
        return DUB_EIO_OVERFLOW;
    if (conn->broken)
        return DUB_EIO_PROTOCOL;
    switch (soup_websocket_connection_get_close_code(conn->ws)) {
    case SOUP_WEBSOCKET_CLOSE_NORMAL:
    case SOUP_WEBSOCKET_CLOSE_GOING_AWAY:
    case SOUP_WEBSOCKET_CLOSE_NO_STATUS:
        return DUB_EIO_CLIENT_CLOSED;
    default:
        return DUB_EIO_TRANSPORT;
    }
}

static void on_ws_closed(SoupWebsocketConnection *ws, void *data)
{
    struct dub_eio_conn *conn = data;
    if (eio_conn_is_live(conn)) {
        conn->reason = reason_of_close(conn);
        conn->state = CLOSING;
    }
    source_clear(&conn->ping);
    source_clear(&conn->watch);
    become_gone(conn);
}

static void send_open(struct dub_eio_conn *conn)
{
    conn->open = (struct eio_open){
        .ping_interval_ms = conn->limits.ping_interval_ms,
        .ping_timeout_ms = conn->limits.ping_timeout_ms,
        .max_payload_bytes = conn->limits.max_payload_bytes,
    };
    eio_random_id(conn->open.sid);
    char *text = eio_open_encode(&conn->open);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
    send_frame(conn, SOUP_WEBSOCKET_DATA_TEXT, bytes);
    start_timer(conn, &conn->ping, conn->open.ping_interval_ms, on_time_to_ping);
}

struct dub_eio_conn *eio_conn_new(SoupWebsocketConnection *ws, CountedStream *counter, enum eio_role role,
                                  const struct dub_eio_limits *limits, const struct eio_conn_events *events,
                                  void *owner)
{
    struct dub_eio_conn *conn = g_new0(struct dub_eio_conn, 1);
    conn->ws = g_object_ref(ws);
    conn->counter = g_object_ref(counter);
    conn->context = g_main_context_ref_thread_default();
    conn->role = role;
    conn->limits = *limits;
    conn->events = events;
    conn->owner = owner;
    conn->state = role == EIO_SERVER ? OPEN : OPENING;
    eio_conn_set_max_message(conn, limits->max_payload_bytes);
    counted_stream_set_rate(counter, limits->max_bytes_per_second);
    g_signal_connect(ws, "message", G_CALLBACK(on_ws_message), conn);
    g_signal_connect(ws, "error", G_CALLBACK(on_ws_error), conn);
    g_signal_connect(ws, "closed", G_CALLBACK(on_ws_closed), conn);
    if (role == EIO_SERVER)
        send_open(conn);
    return conn;
}

void eio_conn_free(struct dub_eio_conn *conn)
{
    if (conn == NULL)
        return;
    source_clear(&conn->ping);
    source_clear(&conn->watch);
    source_clear(&conn->notify);
    source_clear(&conn->linger);
    drop_websocket(conn);
    g_object_unref(conn->counter);
    g_main_context_unref(conn->context);
    g_free(conn);
}

void eio_conn_set_max_message(struct dub_eio_conn *conn, gsize max_bytes)
{
    gsize bytes = MIN(max_bytes, conn->limits.max_payload_bytes);
    soup_websocket_connection_set_max_incoming_payload_size(conn->ws, bytes);
    counted_stream_set_max_message(conn->counter, bytes);
}

bool eio_conn_is_live(const struct dub_eio_conn *conn)
{
    return conn->state == OPENING || conn->state == OPEN;
}

bool eio_conn_close_is_told(const struct dub_eio_conn *conn)
{
    return conn->close_told;
}

bool eio_conn_send_packet_take(struct dub_eio_conn *conn, GString *take_packet)
{
    g_autoptr(GBytes) bytes = g_string_free_to_bytes(take_packet);
    return send_frame(conn, SOUP_WEBSOCKET_DATA_TEXT, bytes);
}

bool dub_eio_conn_send_text(struct dub_eio_conn *conn, const char *text, gsize size)
{
    GString *packet = g_string_sized_new(size + 1);
    g_string_append_c(packet, EIO_MESSAGE);
    g_string_append_len(packet, text, (gssize)size);
    return eio_conn_send_packet_take(conn, packet);
}

bool dub_eio_conn_send_binary(struct dub_eio_conn *conn, GBytes *bytes)
{
    return send_frame(conn, SOUP_WEBSOCKET_DATA_BINARY, bytes);
}

void dub_eio_conn_close(struct dub_eio_conn *conn, enum dub_eio_reason reason)
{
    finish(conn, reason, reason == DUB_EIO_CLOSED ? NULL : dub_eio_reason_text(reason));
}

void dub_eio_conn_set_user(struct dub_eio_conn *conn, void *user)
{
    conn->user = user;
}

void *dub_eio_conn_user(const struct dub_eio_conn *conn)
{
    return conn->user;
}

gsize dub_eio_conn_queued_bytes(const struct dub_eio_conn *conn)
{
    return counted_stream_queued(conn->counter);
}
