/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Heartbeat, limits and the end of a connection, on loopback. */
#include "test_peer.h"

#include <string.h>

static void test_large_messages_arrive_whole(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &client);
    gsize size = 3 * 1024 * 1024;
    g_autofree char *text = g_strnfill(size, 'A');
    dub_sio_socket_emit_take(client.socket, "message", json_node_init_string(json_node_alloc(), text));
    WAIT_FOR(client.log->len > size);
    g_assert_nonnull(strstr(client.log->str, text));
    g_assert_cmpuint(dub_sio_socket_queued_bytes(server.socket), ==, 0);
    test_client_stop(&client);
    WAIT_FOR(server.n_disconnects == 1);
    test_server_stop(&server);
}

static void test_what_was_emitted_before_a_close_arrives(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &client);
    gsize size = 2 * 1024 * 1024;
    g_autofree char *text = g_strnfill(size, 'B');
    dub_sio_socket_emit_take(server.socket, "last", json_node_init_string(json_node_alloc(), text));
    dub_sio_socket_close_connection(server.socket);
    g_assert_false(dub_sio_socket_emit(server.socket, "never", NULL, NULL));
    WAIT_FOR(client.closed);
    g_assert_nonnull(strstr(client.log->str, "event / last"));
    g_assert_null(strstr(client.log->str, "never"));
    g_assert_cmpint(client.error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_cmpint(server.reason, ==, DUB_EIO_CLOSED);
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_heartbeat_keeps_and_its_absence_closes(void)
{
    struct test_server server;
    struct test_client client;
    struct test_raw silent;
    struct dub_eio_limits limits = {.ping_interval_ms = 60, .ping_timeout_ms = 200};
    test_server_start(&server, &limits, 0);
    test_connect_pair(&server, &client);
    test_raw_open(&silent, server.port, TEST_SOCKETIO_PATH);
    test_raw_send(&silent, "40");
    WAIT_FOR(silent.closed);
    WAIT_FOR(server.n_disconnects == 1);
    g_assert_cmpint(server.reason, ==, DUB_EIO_PING_TIMEOUT);
    g_assert_cmpstr(test_raw_wait(&silent, 2), ==, "2");
    g_assert_nonnull(client.socket);
    g_assert_cmpuint(dub_sio_server_n_connections(server.server), ==, 1);
    test_raw_close(&silent);
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_oversized_message_closes(void)
{
    struct test_server server;
    struct test_client client;
    struct dub_eio_limits limits = {.max_payload_bytes = 1000};
    test_server_start(&server, &limits, 0);
    test_connect_pair(&server, &client);
    g_autofree char *text = g_strnfill(1000, 'C');
    dub_sio_socket_emit_take(client.socket, "message", json_node_init_string(json_node_alloc(), text));
    WAIT_FOR(client.closed);
    g_assert_null(strstr(server.log->str, "CCC"));
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_client_that_reads_nothing_is_cut_off(void)
{
    struct test_server server;
    struct dub_eio_limits limits = {.max_queued_bytes = 1024 * 1024};
    test_server_start(&server, &limits, 0);
    g_autoptr(GSocketClient) connector = g_socket_client_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) tcp =
        g_socket_client_connect_to_host(connector, "127.0.0.1", (guint16)server.port, NULL, &error);
    g_assert_no_error(error);
    /* A handshake and an unmasked-by-zero CONNECT: 0x81 text, 0x82 masked size 2, mask 0, "40". */
    static const char request[] = "GET " TEST_SOCKETIO_PATH " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                                  "\x81\x82\0\0\0\0"
                                  "40";
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(tcp));
    g_assert_true(g_output_stream_write_all(out, request, sizeof request - 1, NULL, NULL, &error));
    WAIT_FOR(server.socket != NULL);
    g_autofree char *text = g_strnfill(256 * 1024, 'D');
    for (int i = 0; i < 1000 && server.socket != NULL; i++) {
        dub_sio_socket_emit_take(server.socket, "flood", json_node_init_string(json_node_alloc(), text));
        test_iterate();
    }
    WAIT_FOR(server.n_disconnects == 1);
    g_assert_cmpint(server.reason, ==, DUB_EIO_OVERFLOW);
    test_server_stop(&server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engineio-conn/large-messages-arrive-whole", test_large_messages_arrive_whole);
    g_test_add_func("/engineio-conn/what-was-emitted-before-a-close-arrives",
                    test_what_was_emitted_before_a_close_arrives);
    g_test_add_func("/engineio-conn/heartbeat-keeps-and-its-absence-closes",
                    test_heartbeat_keeps_and_its_absence_closes);
    g_test_add_func("/engineio-conn/oversized-message-closes", test_oversized_message_closes);
    g_test_add_func("/engineio-conn/client-that-reads-nothing-is-cut-off",
                    test_client_that_reads_nothing_is_cut_off);
    return g_test_run();
}
