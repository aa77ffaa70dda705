/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Socket.IO server from its peer's side: connections, namespaces, acknowledgements, attachments.
 * Engine.IO is played by the harness, which also reads all that is sent: it has to be packets.
 *
 * One step per line; its first character says what comes:
 *   4...  a text message, its Socket.IO packet after the digit       b...  an attachment
 *   l     the server leaves the namespace heard last                  a     ... or asks there for an
 * acknowledgement c     ... or closes the connection                                r     the main loop goes
 * round "message" is echoed, acknowledgements return their arguments. A connection that ends is followed by
 * another. */
#include "dubbing_socketio.h"
#include "engineio_conn.h"
#include "fuzz_target.h"
#include "socketio_packet.h"

#include <dubbing_log.h>
#include <string.h>

#define MAX_BYTES 65536

struct dub_eio_conn {
    void *user;
    bool is_closed;
    enum dub_eio_reason reason;
    struct sio_decoder sent; /* reads what the server sends */
};

struct dub_eio_server {
    const struct dub_eio_server_events *events;
    void *user;
};

struct harness {
    struct dub_sio_server *server;
    struct dub_eio_server engine;
    struct dub_eio_conn *conn;
    struct dub_sio_socket *last; /* the socket heard last; NULL when there is none */
    int n_sockets;
    int n_asked; /* acknowledgements that are still to be settled */
};

static struct harness harness;

static void expect_packet(enum sio_decoded decoded, struct sio_packet *packet, const struct dub_error *error)
{
    if (decoded == SIO_BROKEN)
        g_error("the server sent what is no packet: %s", error->message);
    if (decoded == SIO_COMPLETE)
        sio_packet_clear(packet);
}

/* What the server needs of Engine.IO. */

struct dub_eio_server *dub_eio_server_new(SoupServer *soup, const char *path,
                                          const struct dub_eio_limits *limits,
                                          const struct dub_eio_server_events *events, void *user)
{
    harness.engine = (struct dub_eio_server){events, user};
    return &harness.engine;
}

void dub_eio_server_add_path(struct dub_eio_server *server, const char *path)
{
}

void dub_eio_server_close(struct dub_eio_server *server)
{
}

void dub_eio_server_refuse(struct dub_eio_server *server)
{
}

bool dub_eio_server_is_empty(const struct dub_eio_server *server)
{
    return harness.conn == NULL;
}

unsigned dub_eio_server_n_connections(const struct dub_eio_server *server)
{
    return harness.conn != NULL ? 1 : 0;
}

void dub_eio_server_free(struct dub_eio_server *server)
{
}

struct dub_eio_limits eio_limits_complete(const struct dub_eio_limits *limits)
{
    return (struct dub_eio_limits){.max_payload_bytes = MAX_BYTES};
}

void eio_random_id(char id[EIO_ID_CHARS + 1])
{
    g_strlcpy(id, "AAAAAAAAAAAAAAAAAAAA", EIO_ID_CHARS + 1);
}

void eio_conn_set_max_message(struct dub_eio_conn *conn, gsize max_bytes)
{
}

void eio_conn_break_protocol(struct dub_eio_conn *conn, const char *what)
{
    g_assert_true(what[0] != '\0' && g_utf8_validate(what, -1, NULL));
    dub_eio_conn_close(conn, DUB_EIO_PROTOCOL);
}

bool eio_conn_send_packet_take(struct dub_eio_conn *conn, GString *take_packet)
{
    struct sio_packet packet = {0};
    struct dub_error error = {0};
    g_autoptr(GBytes) bytes = g_string_free_to_bytes(take_packet);
    if (conn->is_closed)
        return false;
    gsize size = 0;
    const char *text = g_bytes_get_data(bytes, &size);
    g_assert_true(size > 0 && text[0] == EIO_MESSAGE);
    expect_packet(sio_decoder_text(&conn->sent, text + 1, size - 1, &packet, &error), &packet, &error);
    return true;
}

bool dub_eio_conn_send_binary(struct dub_eio_conn *conn, GBytes *bytes)
{
    struct sio_packet packet = {0};
    struct dub_error error = {0};
    if (conn->is_closed)
        return false;
    expect_packet(sio_decoder_binary(&conn->sent, bytes, &packet, &error), &packet, &error);
    return true;
}

void dub_eio_conn_close(struct dub_eio_conn *conn, enum dub_eio_reason reason)
{
    if (!conn->is_closed)
        conn->reason = reason;
    conn->is_closed = true;
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
    return 0;
}

/* The application. */

static bool on_authorize(const struct dub_eio_handshake *handshake, JsonNode *auth,
                         struct dub_sio_refusal *refusal, void *user)
{
    bool is_allowed = auth == NULL || !json_object_has_member(json_node_get_object(auth), "refuse");
    g_strlcpy(refusal->code, "REFUSED", sizeof refusal->code);
    return is_allowed;
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    harness.n_sockets++;
    harness.last = socket;
    if (auth != NULL)
        dub_sio_socket_emit_take(socket, "auth", json_node_copy(auth));
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    harness.last = socket;
    if (strcmp(event->name, "message") == 0)
        dub_sio_socket_emit(socket, "message-back", event->args, event->attachments);
    dub_sio_socket_ack(socket, event->ack_id, event->args, event->attachments);
    if (strcmp(event->name, "leave") == 0)
        dub_sio_socket_disconnect(socket);
}

static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    harness.n_sockets--;
    if (harness.last == socket)
        harness.last = NULL;
}

static void on_settled(JsonArray *args, GPtrArray *attachments, void *user)
{
    harness.n_asked--;
}

static void ask(struct dub_sio_socket *socket)
{
    if (dub_sio_socket_emit_ack(socket, "ask", NULL, NULL, 0, on_settled, NULL))
        harness.n_asked++;
}

/* The steps. */

static void open_connection(void)
{
    g_autoptr(GHashTable) query = g_hash_table_new(g_str_hash, g_str_equal);
    SoupMessageHeaders *headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
    const struct dub_eio_handshake handshake = {headers, query, "127.0.0.1"};
    harness.conn = g_new0(struct dub_eio_conn, 1);
    sio_decoder_init(&harness.conn->sent, 2 * (gsize)MAX_BYTES);
    harness.engine.events->on_open(harness.conn, &handshake, harness.engine.user);
    soup_message_headers_unref(headers);
}

static void end_connection(void)
{
    harness.engine.events->on_close(harness.conn, harness.conn->reason, harness.engine.user);
    g_assert_cmpint(harness.n_sockets, ==, 0);
    g_assert_cmpint(harness.n_asked, ==, 0);
    g_assert_null(harness.last);
    sio_decoder_clear(&harness.conn->sent);
    g_clear_pointer(&harness.conn, g_free);
}

static void take_step(const char *line, gsize size)
{
    const struct dub_eio_server_events *events = harness.engine.events;
    char what = size > 0 ? line[0] : 'r';
    if (what == '4') {
        events->on_text(harness.conn, line + 1, size - 1, harness.engine.user);
    } else if (what == 'b') {
        g_autoptr(GBytes) bytes = g_bytes_new(line + 1, size - 1);
        events->on_binary(harness.conn, bytes, harness.engine.user);
    } else if (what == 'l' && harness.last != NULL) {
        dub_sio_socket_disconnect(harness.last);
    } else if (what == 'a' && harness.last != NULL) {
        ask(harness.last);
    } else if (what == 'c') {
        dub_eio_conn_close(harness.conn, DUB_EIO_CLOSED);
    } else {
        g_main_context_iteration(NULL, FALSE);
    }
    if (!harness.conn->is_closed)
        return;
    end_connection();
    open_connection();
}

static void play(const char *at, const char *end)
{
    while (at < end) {
        const char *newline = memchr(at, '\n', (gsize)(end - at));
        const char *line_end = newline != NULL ? newline : end;
        take_step(at, (gsize)(line_end - at));
        at = line_end + 1;
    }
}

/* Every break of the protocol is a line of the log otherwise. */
static void be_quiet(void)
{
    static bool is_quiet;
    if (!is_quiet)
        dub_log_init(&(struct dub_log_config){.component = "fuzz", .level = "error"});
    is_quiet = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    be_quiet();
    harness = (struct harness){0};
    static char nowhere; /* only handed on to the harness's own dub_eio_server_new */
    harness.server = dub_sio_server_new((SoupServer *)(void *)&nowhere, NULL);
    struct dub_sio_namespace space = {
        "/", on_authorize, on_connect, on_event, on_disconnect, NULL,
    };
    dub_sio_server_add_namespace(harness.server, &space);
    space.name = "/custom";
    dub_sio_server_add_namespace(harness.server, &space);
    open_connection();
    play((const char *)data, (const char *)data + size);
    end_connection();
    dub_sio_server_free(harness.server);
    return 0;
}
