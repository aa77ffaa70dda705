/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events, acknowledgements, attachments and namespaces, between our client and our server on loopback. */
#include "test_peer.h"

#include <dubbing_json.h>
#include <string.h>

static void test_events_go_both_ways(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &client);
    g_assert_cmpuint(strlen(dub_sio_socket_id(client.socket)), ==, 20);
    g_assert_cmpstr(dub_sio_socket_id(client.socket), ==, dub_sio_socket_id(server.socket));
    g_assert_true(dub_sio_socket_emit_take(client.socket, "message", test_parse("{\"a\":[1,\"ü\"]}")));
    WAIT_FOR(strstr(client.log->str, "message-back") != NULL);
    g_assert_cmpstr(client.log->str, ==, "connect / | event / message-back [{\"a\":[1,\"ü\"]}] | ");
    g_assert_cmpstr(server.log->str, ==,
                    "stream stream-1 | connect / | event / message [{\"a\":[1,\"ü\"]}] | ");
    test_client_close(&client);
    WAIT_FOR(server.n_disconnects == 1);
    g_assert_cmpint(server.reason, ==, DUB_EIO_CLIENT_CLOSED);
    g_assert_true(g_str_has_suffix(client.log->str, "disconnect / | "));
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_namespaces_are_separate(void)
{
    struct test_server server;
    struct test_client client;
    const char *const spaces[] = {"/", "/custom", "/none", NULL};
    test_server_start(&server, NULL, 0);
    g_autofree char *url = test_url(server.port, "/ws/sts");
    test_client_start(&client, url, NULL, spaces);
    WAIT_FOR(strstr(client.log->str, "connect_error") != NULL);
    g_assert_cmpstr(client.log->str, ==,
                    "connect / | connect /custom | connect_error /none  Invalid namespace | ");
    dub_sio_socket_disconnect(client.socket);
    WAIT_FOR(server.n_disconnects == 1);
    g_assert_nonnull(strstr(server.log->str, "disconnect / | "));
    g_assert_null(strstr(server.log->str, "disconnect /custom"));
    dub_sio_socket_emit(server.socket, "hello", NULL, NULL);
    WAIT_FOR(strstr(client.log->str, "event /custom hello []") != NULL);
    g_assert_cmpuint(dub_sio_server_n_connections(server.server), ==, 1);
    test_client_stop(&client);
    test_server_stop(&server);
}

struct acked {
    unsigned n;
    char *args;
    guint n_attachments;
};

static void on_acked(JsonArray *args, GPtrArray *attachments, void *user)
{
    struct acked *acked = user;
    acked->n++;
    g_clear_pointer(&acked->args, g_free);
    acked->n_attachments = attachments != NULL ? attachments->len : 0;
    if (args == NULL)
        return;
    g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), args);
    acked->args = dub_json_to_string(node);
}

static void test_acknowledgements_both_ways(void)
{
    struct test_server server;
    struct test_client client;
    struct acked acked = {0};
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &client);
    g_autoptr(JsonNode) args = test_parse("[1,{\"x\":null}]");
    dub_sio_socket_emit_ack(client.socket, "ask", json_node_get_array(args), NULL, 0, on_acked, &acked);
    WAIT_FOR(acked.n == 1);
    g_assert_cmpstr(acked.args, ==, "[1,{\"x\":null}]");
    dub_sio_socket_emit_ack(server.socket, "ask", NULL, NULL, 0, on_acked, &acked);
    WAIT_FOR(acked.n == 2);
    g_assert_cmpstr(acked.args, ==, "[]");
    g_free(acked.args);
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_acknowledgement_that_never_comes(void)
{
    struct test_server server;
    struct test_client client;
    struct acked acked = {0};
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &client);
    server.echo = false;
    dub_sio_socket_emit_ack(client.socket, "ask", NULL, NULL, 20, on_acked, &acked);
    WAIT_FOR(acked.n == 1);
    g_assert_null(acked.args);
    dub_sio_socket_emit_ack(client.socket, "ask", NULL, NULL, 60000, on_acked, &acked);
    test_client_stop(&client);
    g_assert_cmpuint(acked.n, ==, 2);
    test_server_stop(&server);
}

static void test_binary_events_carry_attachments(void)
{
    struct test_server server;
    struct test_client client;
    struct acked acked = {0};
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &client);
    g_autoptr(GPtrArray) attachments = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GBytes) first = g_bytes_new_static("\x00\x01", 2);
    g_autoptr(GBytes) second = g_bytes_new_static("", 0);
    g_autoptr(JsonArray) args = json_array_new();
    json_array_add_element(args, dub_sio_attach(attachments, first));
    json_array_add_element(args, dub_sio_attach(attachments, second));
    dub_sio_socket_emit_ack(client.socket, "bytes", args, attachments, 0, on_acked, &acked);
    WAIT_FOR(acked.n == 1);
    g_assert_cmpuint(acked.n_attachments, ==, 2);
    g_assert_cmpstr(acked.args, ==, "[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    g_free(acked.args);
    test_client_stop(&client);
    test_server_stop(&server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/socketio-conn/events-go-both-ways", test_events_go_both_ways);
    g_test_add_func("/socketio-conn/namespaces-are-separate", test_namespaces_are_separate);
    g_test_add_func("/socketio-conn/acknowledgements-both-ways", test_acknowledgements_both_ways);
    g_test_add_func("/socketio-conn/acknowledgement-that-never-comes", test_acknowledgement_that_never_comes);
    g_test_add_func("/socketio-conn/binary-events-carry-attachments", test_binary_events_carry_attachments);
    return g_test_run();
}
