/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bare messages, handshakes that are none, and the limit on connections. */
#include "engineio_conn.h"
#include "test_peer.h"

#include <string.h>

#define BODY_BYTES (8 * 1024 * 1024)

static void on_posted(GObject *session, GAsyncResult *result, void *user)
{
    g_autoptr(GBytes) body = soup_session_send_and_read_finish(SOUP_SESSION(session), result, NULL);
    g_assert_nonnull(body);
    *(bool *)user = true;
}

static void test_a_body_is_answered_and_not_kept(void)
{
    struct test_server server;
    bool done = false;
    test_server_start(&server, NULL, 0);
    g_autofree char *url = test_url(server.port, "/socket.io/?EIO=4&transport=polling");
    g_autoptr(SoupSession) session = soup_session_new();
    g_autoptr(SoupMessage) message = soup_message_new(SOUP_METHOD_POST, url);
    g_autoptr(GBytes) body = g_bytes_new_take(g_malloc0(BODY_BYTES), BODY_BYTES);
    soup_message_set_request_body_from_bytes(message, "text/plain", body);
    soup_session_send_and_read_async(session, message, G_PRIORITY_DEFAULT, NULL, on_posted, &done);
    WAIT_FOR(done);
    g_assert_cmpuint(soup_message_get_status(message), ==, 400);
    test_server_stop(&server);
}

struct raw_server {
    SoupServer *soup;
    struct dub_eio_server *server;
    unsigned port;
    struct dub_eio_conn *conn; /* while it is open */
    GString *log;
};

static void on_open(struct dub_eio_conn *conn, const struct dub_eio_handshake *handshake, void *user)
{
    struct raw_server *raw = user;
    raw->conn = conn;
    dub_eio_conn_set_user(conn, raw->log);
    g_string_append_printf(raw->log, "open from %s, x=%s, header \"%s\" | ", handshake->remote_address,
                           (const char *)g_hash_table_lookup(handshake->query, "x"),
                           dub_eio_handshake_header(handshake, "X-Absent"));
}

static void on_text(struct dub_eio_conn *conn, const char *text, gsize size, void *user)
{
    g_string_append_printf(dub_eio_conn_user(conn), "text %s of %zu | ", text, size);
    dub_eio_conn_send_text(conn, text, size);
}

static void on_binary(struct dub_eio_conn *conn, GBytes *bytes, void *user)
{
    g_string_append_printf(dub_eio_conn_user(conn), "binary of %zu | ", g_bytes_get_size(bytes));
    dub_eio_conn_send_binary(conn, bytes);
}

static void on_close(struct dub_eio_conn *conn, enum dub_eio_reason reason, void *user)
{
    struct raw_server *raw = user;
    raw->conn = NULL;
    g_string_append_printf(raw->log, "close: %s", dub_eio_reason_text(reason));
}

static const struct dub_eio_server_events raw_events = {on_open, on_text, on_binary, on_close};

/* limits may be NULL. */
static void raw_server_start(struct raw_server *raw, const struct dub_eio_limits *limits)
{
    *raw = (struct raw_server){.soup = soup_server_new(NULL, NULL), .log = g_string_new(NULL)};
    soup_server_listen_local(raw->soup, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL);
    GSList *uris = soup_server_get_uris(raw->soup);
    raw->port = (unsigned)g_uri_get_port(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    raw->server = dub_eio_server_new(raw->soup, "/engine.io", limits, &raw_events, raw);
}

static void raw_server_stop(struct raw_server *raw)
{
    dub_eio_server_free(raw->server);
    g_object_unref(raw->soup);
    g_string_free(raw->log, TRUE);
}

static void test_bare_messages_go_both_ways(void)
{
    struct raw_server server;
    struct test_raw peer;
    raw_server_start(&server, NULL);
    test_raw_open(&peer, server.port, "/engine.io/?EIO=4&transport=websocket&x=%C3%BC");
    g_assert_true(g_str_has_prefix(test_raw_wait(&peer, 0), "0{\"sid\":\""));
    test_raw_send(&peer, "4hello");
    g_assert_cmpstr(test_raw_wait(&peer, 1), ==, "4hello");
    soup_websocket_connection_send_binary(peer.ws, "\x01\x02", 2);
    g_assert_cmpstr(test_raw_wait(&peer, 2), ==, "b:0102");
    test_raw_send(&peer, "6");
    test_raw_send(&peer, "1");
    WAIT_FOR(server.conn == NULL);
    g_assert_cmpstr(
        server.log->str, ==,
        "open from 127.0.0.1, x=ü, header \"\" | text hello of 5 | binary of 2 | close: the peer closed it");
    test_raw_close(&peer);
    raw_server_stop(&server);
}

static void test_nothing_is_sent_once_it_is_closing(void)
{
    struct raw_server server;
    struct test_raw peer;
    g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
    raw_server_start(&server, NULL);
    test_raw_open(&peer, server.port, "/engine.io/?EIO=4&transport=websocket");
    WAIT_FOR(server.conn != NULL);
    g_assert_cmpuint(dub_eio_server_n_connections(server.server), ==, 1);
    dub_eio_conn_close(server.conn, DUB_EIO_CLOSED);
    g_assert_false(dub_eio_conn_send_text(server.conn, "x", 1));
    g_assert_false(dub_eio_conn_send_binary(server.conn, bytes));
    WAIT_FOR(peer.closed);
    g_assert_cmpuint(peer.received->len, ==, 1);
    g_assert_cmpuint(dub_eio_server_n_connections(server.server), ==, 0);
    test_raw_close(&peer);
    raw_server_stop(&server);
    dub_eio_server_free(NULL);
}

static void test_peer_that_vanishes_is_noticed(void)
{
    struct raw_server server;
    struct test_raw peer;
    raw_server_start(&server, NULL);
    test_raw_open(&peer, server.port, "/engine.io/?EIO=4&transport=websocket");
    WAIT_FOR(server.conn != NULL);
    test_raw_close(&peer);
    WAIT_FOR(server.conn == NULL);
    g_assert_nonnull(strstr(server.log->str, "close: the transport broke"));
    raw_server_stop(&server);
}

static void test_message_beyond_the_limit_never_arrives(void)
{
    struct raw_server server;
    struct test_raw peer;
    const struct dub_eio_limits limits = {.max_payload_bytes = 100};
    g_autofree char *allowed = g_strnfill(100, '4');
    g_autofree char *too_long = g_strnfill(101, '4');
    raw_server_start(&server, &limits);
    test_raw_open(&peer, server.port, "/engine.io/?EIO=4&transport=websocket");
    test_raw_send(&peer, allowed);
    g_assert_cmpstr(test_raw_wait(&peer, 1), ==, allowed);
    test_raw_send(&peer, too_long);
    WAIT_FOR(peer.closed && server.conn == NULL);
    g_assert_true(g_str_has_suffix(server.log->str, "close: the peer broke the protocol"));
    g_assert_null(strstr(server.log->str, "of 101"));
    test_raw_close(&peer);
    raw_server_stop(&server);
}

/* What stands beside the code in a close frame has 123 bytes at most, and is UTF-8 to its end. */
static void test_a_break_of_the_protocol_is_explained(void)
{
    static const struct {
        const char *packet, *text;
    } cases[] = {{"5", "a packet type that has no place there"}, {"9", "unknown Engine.IO packet type 0x39"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct raw_server server;
        struct test_raw peer;
        raw_server_start(&server, NULL);
        test_raw_open(&peer, server.port, "/engine.io/?EIO=4&transport=websocket");
        test_raw_send(&peer, cases[i].packet);
        WAIT_FOR(peer.closed);
        g_assert_cmpuint(soup_websocket_connection_get_close_code(peer.ws), ==, 1002);
        g_assert_cmpstr(soup_websocket_connection_get_close_data(peer.ws), ==, cases[i].text);
        test_raw_close(&peer);
        raw_server_stop(&server);
    }
}

static void test_a_long_explanation_is_cut_between_characters(void)
{
    struct raw_server server;
    struct test_raw peer;
    g_autoptr(GString) long_text = g_string_new(NULL);
    for (int i = 0; i < 100; i++)
        g_string_append(long_text, "ü");
    raw_server_start(&server, NULL);
    test_raw_open(&peer, server.port, "/engine.io/?EIO=4&transport=websocket");
    WAIT_FOR(server.conn != NULL);
    eio_conn_break_protocol(server.conn, long_text->str);
    WAIT_FOR(peer.closed);
    g_string_truncate(long_text, 122);
    g_assert_cmpstr(soup_websocket_connection_get_close_data(peer.ws), ==, long_text->str);
    test_raw_close(&peer);
    raw_server_stop(&server);
}

static void assert_refused(struct test_server *server, const char *path, unsigned status)
{
    struct test_raw raw;
    test_raw_open(&raw, server->port, path);
    g_assert_true(raw.failed);
    g_assert_cmpuint(raw.status, ==, status);
    test_raw_close(&raw);
}

static void test_bad_handshakes_are_refused(void)
{
    struct test_server server;
    struct dub_eio_limits limits = {.max_connections = 1};
    test_server_start(&server, &limits, 0);
    assert_refused(&server, "/socket.io/?EIO=4&transport=polling", 400);
    assert_refused(&server, "/socket.io/?EIO=3&transport=websocket", 400);
    assert_refused(&server, "/socket.io/?transport=websocket", 400);
    assert_refused(&server, "/socket.io/", 400);
    assert_refused(&server, "/socket.io/?EIO=4&transport=websocket&sid=abc", 400);
    assert_refused(&server, "/socket.io/deeper?EIO=4&transport=websocket", 404);
    struct test_raw raw;
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    g_assert_false(raw.failed);
    assert_refused(&server, TEST_SOCKETIO_PATH, 503);
    test_raw_close(&raw);
    WAIT_FOR(dub_sio_server_n_connections(server.server) == 0);
    test_server_stop(&server);
}

/* Over one connection, which the client would keep: the server has to end it. */
static void test_a_refused_handshake_ends_its_connection(void)
{
    static const char *const requests[] = {
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 7\r\n\r\n",
        "GET /socket.io/deeper HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    struct test_server server;
    test_server_start(&server, NULL, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GSocketClient) connector = g_socket_client_new();
        g_autoptr(GSocketConnection) tcp =
            g_socket_client_connect_to_host(connector, "127.0.0.1", (guint16)server.port, NULL, NULL);
        GIOStream *stream = G_IO_STREAM(tcp);
        g_assert_true(g_output_stream_write_all(g_io_stream_get_output_stream(stream), requests[i],
                                                strlen(requests[i]), NULL, NULL, NULL));
        GSocket *socket = g_socket_connection_get_socket(tcp);
        char answer[4096] = "";
        gsize at = 0;
        gssize n = 1;
        g_socket_set_blocking(socket, FALSE);
        while (n != 0) {
            WAIT_FOR(g_socket_condition_check(socket, G_IO_IN | G_IO_HUP) != 0);
            n = g_socket_receive(socket, answer + at, sizeof answer - 1 - at, NULL, NULL);
            g_assert_cmpint(n, >=, 0);
            at += (gsize)n;
        }
        g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 40"));
        g_assert_nonnull(strstr(answer, "Connection: close\r\n"));
    }
    test_server_stop(&server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engineio-server/bare-messages-go-both-ways", test_bare_messages_go_both_ways);
    g_test_add_func("/engineio-server/nothing-is-sent-once-it-is-closing",
                    test_nothing_is_sent_once_it_is_closing);
    g_test_add_func("/engineio-server/peer-that-vanishes-is-noticed", test_peer_that_vanishes_is_noticed);
    g_test_add_func("/engineio-server/message-beyond-the-limit-never-arrives",
                    test_message_beyond_the_limit_never_arrives);
    g_test_add_func("/engineio-server/a-break-of-the-protocol-is-explained",
                    test_a_break_of_the_protocol_is_explained);
    g_test_add_func("/engineio-server/a-long-explanation-is-cut-between-characters",
                    test_a_long_explanation_is_cut_between_characters);
    g_test_add_func("/engineio-server/a-body-is-answered-and-not-kept", test_a_body_is_answered_and_not_kept);
    g_test_add_func("/engineio-server/a-refused-handshake-ends-its-connection",
                    test_a_refused_handshake_ends_its_connection);
    g_test_add_func("/engineio-server/bad-handshakes-are-refused", test_bad_handshakes_are_refused);
    return g_test_run();
}
