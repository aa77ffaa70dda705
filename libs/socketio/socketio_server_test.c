/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a peer may not do to the server, told with a bare WebSocket. */
#include "test_peer.h"

#include <string.h>

/* What a peer may not send; each closes that connection and no other. */
static const char *const breaks[] = {
    "",   "x",     "9",    "0{}",   "2",   "5",  "4", "4abc", "42[\"event-before-connect\"]",
    "41", "431[]", "44{}", "40[1]", "40{", "47",
};

static const char *const breaks_once_connected[] = {
    "42{}",
    "42[]",
    "42[1]",
    "42[\"connect\"]",
    "42abc[\"x\"]",
    "4299999999999999999999[\"x\"]",
    "42[\"x\"",
    "40",
    "43[]",
    "42/custom,[\"not-connected\"]",
    "45-[\"x\"]",
    "451-[\"x\"]",
    "451-[\"x\",{\"_placeholder\":true,\"num\":7}]",
    "4565-[\"x\"]",
};

static void assert_breaks(struct test_server *server, const char *first, const char *text)
{
    struct test_raw raw;
    g_test_message("%s", text);
    test_raw_open(&raw, server->port, TEST_SOCKETIO_PATH);
    test_raw_wait(&raw, 0);
    if (first != NULL) {
        test_raw_send(&raw, first);
        test_raw_wait(&raw, 1);
    }
    test_raw_send(&raw, text);
    WAIT_FOR(raw.closed);
    g_assert_cmpuint(soup_websocket_connection_get_close_code(raw.ws), ==,
                     SOUP_WEBSOCKET_CLOSE_PROTOCOL_ERROR);
    test_raw_close(&raw);
}

static void test_protocol_breaks_close_only_that_connection(void)
{
    struct test_server server;
    struct test_client bystander;
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &bystander);
    for (gsize i = 0; i < G_N_ELEMENTS(breaks); i++)
        assert_breaks(&server, NULL, breaks[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(breaks_once_connected); i++)
        assert_breaks(&server, "40", breaks_once_connected[i]);
    WAIT_FOR(dub_sio_server_n_connections(server.server) == 1);
    g_assert_cmpuint(server.n_disconnects, ==, G_N_ELEMENTS(breaks_once_connected));
    g_assert_cmpint(server.reason, ==, DUB_EIO_PROTOCOL);
    dub_sio_socket_emit(bystander.socket, "message", NULL, NULL);
    WAIT_FOR(strstr(bystander.log->str, "message-back") != NULL);
    test_client_stop(&bystander);
    test_server_stop(&server);
}

static void test_connection_without_connect_is_closed(void)
{
    struct test_server server;
    struct test_raw raw;
    test_server_start(&server, NULL, 50);
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    WAIT_FOR(raw.closed);
    test_raw_close(&raw);
    test_server_stop(&server);
}

/* It could hold its place for ever otherwise: it answers the heartbeat. */
static void test_connection_that_has_left_is_closed(void)
{
    struct test_server server;
    struct test_raw raw;
    test_server_start(&server, NULL, 50);
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    test_raw_send(&raw, "40");
    test_raw_send(&raw, "40/custom,");
    test_raw_send(&raw, "41");
    WAIT_FOR(server.n_disconnects == 1);
    test_raw_send(&raw, "42/custom,[\"still-there\"]");
    WAIT_FOR(strstr(server.log->str, "still-there") != NULL);
    g_assert_false(raw.closed);
    test_raw_send(&raw, "41/custom,");
    WAIT_FOR(raw.closed);
    g_assert_cmpstr(soup_websocket_connection_get_close_data(raw.ws), ==, "no CONNECT in time");
    test_raw_close(&raw);
    test_server_stop(&server);
}

static void test_connection_that_the_server_has_left_is_closed(void)
{
    struct test_server server;
    struct test_raw raw;
    test_server_start(&server, NULL, 50);
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    test_raw_send(&raw, "40");
    WAIT_FOR(server.socket != NULL);
    dub_sio_socket_disconnect(server.socket);
    WAIT_FOR(raw.closed);
    g_assert_cmpstr(soup_websocket_connection_get_close_data(raw.ws), ==, "no CONNECT in time");
    test_raw_close(&raw);
    test_server_stop(&server);
}

static void test_refused_connects_are_bounded(void)
{
    struct test_server server;
    struct test_raw raw;
    test_server_start(&server, NULL, 0);
    server.token = "secret";
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    for (int i = 0; i < 100; i++)
        test_raw_send(&raw, i % 2 == 0 ? "40{\"token\":\"wrong\"}" : "40/nothing,");
    WAIT_FOR(raw.closed);
    g_assert_cmpuint(raw.received->len, ==, 1 + DUB_SIO_MAX_REFUSED_CONNECTS);
    g_assert_cmpuint(soup_websocket_connection_get_close_code(raw.ws), ==,
                     SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION);
    test_raw_close(&raw);
    test_server_stop(&server);
}

/* A CONNECT to "/" of about so many bytes, that asks for nothing. Owned by the caller. */
static char *connect_of(gsize size)
{
    g_autofree char *filler = g_strnfill(size, 'x');
    return g_strconcat("40{\"token\":\"", filler, "\"}", NULL);
}

static void test_messages_are_small_until_there_is_a_namespace(void)
{
    struct test_server server;
    struct test_raw raw;
    test_server_start(&server, NULL, 0);
    g_autofree char *large = connect_of(DUB_SIO_MAX_CONNECT_BYTES);
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    test_raw_send(&raw, large);
    WAIT_FOR(raw.closed);
    g_assert_cmpuint(raw.received->len, ==, 1);
    test_raw_close(&raw);

    g_autofree char *allowed = connect_of(DUB_SIO_MAX_CONNECT_BYTES - 100);
    g_autofree char *name = g_strnfill(2 * DUB_SIO_MAX_CONNECT_BYTES, 'e');
    g_autofree char *event = g_strdup_printf("42[\"message\",\"%s\"]", name);
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    test_raw_send(&raw, allowed);
    test_raw_send(&raw, event);
    g_assert_nonnull(strstr(test_raw_wait(&raw, 2), "message-back"));
    test_raw_close(&raw);
    test_server_stop(&server);
}

static void test_refusing_leaves_those_who_are_there(void)
{
    struct test_server server;
    struct test_raw there, late;
    test_server_start(&server, NULL, 0);
    test_raw_open(&there, server.port, TEST_SOCKETIO_PATH);
    test_raw_send(&there, "40");
    WAIT_FOR(server.socket != NULL);
    dub_sio_server_refuse(server.server);
    test_raw_open(&late, server.port, TEST_SOCKETIO_PATH);
    g_assert_true(late.failed);
    g_assert_cmpuint(late.status, ==, SOUP_STATUS_SERVICE_UNAVAILABLE);
    dub_sio_socket_emit(server.socket, "still-here", NULL, NULL);
    g_assert_nonnull(strstr(test_raw_wait(&there, 2), "still-here"));
    dub_sio_socket_send_away(server.socket);
    WAIT_FOR(there.closed && dub_sio_server_is_empty(server.server));
    g_assert_cmpuint(soup_websocket_connection_get_close_code(there.ws), ==, SOUP_WEBSOCKET_CLOSE_GOING_AWAY);
    test_raw_close(&late);
    test_raw_close(&there);
    test_server_stop(&server);
}

static void test_closing_tells_everybody(void)
{
    struct test_server server;
    struct test_raw idle, connected, late;
    test_server_start(&server, NULL, 0);
    test_raw_open(&idle, server.port, TEST_SOCKETIO_PATH);
    test_raw_open(&connected, server.port, TEST_SOCKETIO_PATH);
    test_raw_send(&connected, "40");
    WAIT_FOR(server.socket != NULL);
    dub_sio_socket_emit(server.socket, "farewell", NULL, NULL);
    g_assert_false(dub_sio_server_is_empty(server.server));
    dub_sio_server_close(server.server);
    WAIT_FOR(idle.closed && connected.closed && dub_sio_server_is_empty(server.server));
    g_assert_cmpuint(soup_websocket_connection_get_close_code(idle.ws), ==, SOUP_WEBSOCKET_CLOSE_GOING_AWAY);
    g_assert_cmpuint(soup_websocket_connection_get_close_code(connected.ws), ==,
                     SOUP_WEBSOCKET_CLOSE_GOING_AWAY);
    g_assert_nonnull(strstr(test_raw_wait(&connected, 2), "farewell"));
    g_assert_cmpint(server.reason, ==, DUB_EIO_GOING_AWAY);
    test_raw_open(&late, server.port, TEST_SOCKETIO_PATH);
    g_assert_true(late.failed);
    g_assert_cmpuint(late.status, ==, SOUP_STATUS_SERVICE_UNAVAILABLE);
    test_raw_close(&late);
    test_raw_close(&idle);
    test_raw_close(&connected);
    test_server_stop(&server);
}

static void test_wrong_key_is_refused_with_code(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    server.token = "secret";
    g_autofree char *url = test_url(server.port, "");
    test_client_start(&client, url, "wrong", NULL);
    WAIT_FOR(client.log->len > 0);
    g_assert_cmpstr(client.log->str, ==, "connect_error / AUTH_FAILED AUTH_FAILED | ");
    WAIT_FOR(client.closed);
    g_assert_cmpint(client.error.code, ==, DUB_ERROR_UNAVAILABLE);
    test_client_stop(&client);
    test_client_start(&client, url, "secret", NULL);
    WAIT_FOR(client.socket != NULL);
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_one_connection_has_a_limited_number_of_namespaces(void)
{
    struct test_server server;
    struct test_raw raw;
    test_server_start(&server, NULL, 0);
    test_raw_open(&raw, server.port, TEST_SOCKETIO_PATH);
    for (int i = 0; i <= DUB_SIO_MAX_NAMESPACES; i++) {
        g_autofree char *name = g_strdup_printf("/n%d", i);
        g_autofree char *text = g_strdup_printf("40%s", name);
        dub_sio_server_add_namespace(server.server, &(struct dub_sio_namespace){.name = name});
        test_raw_send(&raw, text);
        if (i < DUB_SIO_MAX_NAMESPACES)
            test_raw_wait(&raw, (guint)i + 1);
    }
    WAIT_FOR(raw.closed);
    g_assert_cmpuint(raw.received->len, ==, 1 + DUB_SIO_MAX_NAMESPACES);
    test_raw_close(&raw);
    test_server_stop(&server);
}

static void test_server_may_be_freed_with_connections(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    test_connect_pair(&server, &client);
    dub_sio_server_free(g_steal_pointer(&server.server));
    g_assert_cmpuint(server.n_disconnects, ==, 1);
    g_assert_cmpint(server.reason, ==, DUB_EIO_CLOSED);
    WAIT_FOR(client.closed);
    test_client_stop(&client);
    test_server_stop(&server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/socketio-server/protocol-breaks-close-only-that-connection",
                    test_protocol_breaks_close_only_that_connection);
    g_test_add_func("/socketio-server/connection-without-connect-is-closed",
                    test_connection_without_connect_is_closed);
    g_test_add_func("/socketio-server/connection-that-has-left-is-closed",
                    test_connection_that_has_left_is_closed);
    g_test_add_func("/socketio-server/connection-that-the-server-has-left-is-closed",
                    test_connection_that_the_server_has_left_is_closed);
    g_test_add_func("/socketio-server/refused-connects-are-bounded", test_refused_connects_are_bounded);
    g_test_add_func("/socketio-server/messages-are-small-until-there-is-a-namespace",
                    test_messages_are_small_until_there_is_a_namespace);
    g_test_add_func("/socketio-server/closing-tells-everybody", test_closing_tells_everybody);
    g_test_add_func("/socketio-server/refusing-leaves-those-who-are-there",
                    test_refusing_leaves_those_who_are_there);
    g_test_add_func("/socketio-server/wrong-key-is-refused-with-code", test_wrong_key_is_refused_with_code);
    g_test_add_func("/socketio-server/one-connection-has-a-limited-number-of-namespaces",
                    test_one_connection_has_a_limited_number_of_namespaces);
    g_test_add_func("/socketio-server/server-may-be-freed-with-connections",
                    test_server_may_be_freed_with_connections);
    return g_test_run();
}
