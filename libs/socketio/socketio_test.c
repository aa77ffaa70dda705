/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server and client on loopback: our client against our server, and a bare WebSocket that misbehaves. */
#include "test_peer.h"

#include <dubbing_json.h>
#include <stdio.h>
#include <string.h>

static void connect_pair(struct test_server *server, struct test_client *client)
{
    g_autofree char *url = test_url(server->port, "");
    test_client_start(client, url, NULL, NULL);
    WAIT_FOR(client->socket != NULL && server->socket != NULL);
}

static JsonNode *parse(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    g_assert_nonnull(node);
    return node;
}

static void close_and_wait(struct test_client *client)
{
    dub_sio_client_close(client->client);
    WAIT_FOR(client->closed);
    g_assert_cmpint(client->error.code, ==, DUB_ERROR_NONE);
}

static void test_events_go_both_ways(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    connect_pair(&server, &client);
    g_assert_cmpuint(strlen(dub_sio_socket_id(client.socket)), ==, 20);
    g_assert_cmpstr(dub_sio_socket_id(client.socket), ==, dub_sio_socket_id(server.socket));
    g_assert_true(dub_sio_socket_emit_take(client.socket, "message", parse("{\"a\":[1,\"ü\"]}")));
    WAIT_FOR(strstr(client.log->str, "message-back") != NULL);
    g_assert_cmpstr(client.log->str, ==, "connect / | event / message-back [{\"a\":[1,\"ü\"]}] | ");
    g_assert_cmpstr(server.log->str, ==,
                    "stream stream-1 | connect / | event / message [{\"a\":[1,\"ü\"]}] | ");
    close_and_wait(&client);
    WAIT_FOR(server.n_disconnects == 1);
    g_assert_cmpint(server.reason, ==, DUB_EIO_CLIENT_CLOSED);
    g_assert_true(g_str_has_suffix(client.log->str, "disconnect / | "));
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_large_messages_arrive_whole(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    connect_pair(&server, &client);
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
    connect_pair(&server, &client);
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
    connect_pair(&server, &client);
    g_autoptr(JsonNode) args = parse("[1,{\"x\":null}]");
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
    connect_pair(&server, &client);
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
    connect_pair(&server, &client);
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
    connect_pair(&server, &bystander);
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

static void test_heartbeat_keeps_and_its_absence_closes(void)
{
    struct test_server server;
    struct test_client client;
    struct test_raw silent;
    struct dub_eio_limits limits = {.ping_interval_ms = 60, .ping_timeout_ms = 200};
    test_server_start(&server, &limits, 0);
    connect_pair(&server, &client);
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
    connect_pair(&server, &client);
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

static void test_client_reports_why_it_cannot_connect(void)
{
    struct test_client client;
    test_client_start(&client, "http://127.0.0.1:1", NULL, NULL);
    WAIT_FOR(client.closed);
    g_assert_cmpint(client.error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(client.error.message, "refused"));
    test_client_stop(&client);

    struct test_server server;
    test_server_start(&server, NULL, 0);
    g_autofree char *url = test_url(server.port, "/not-there");
    test_client_start(&client, url, NULL, NULL);
    WAIT_FOR(client.closed);
    g_assert_nonnull(strstr(client.error.message, "404"));
    test_client_stop(&client);
    test_server_stop(&server);
}

/* A server of the test's own that says one thing to whoever connects. */
struct scripted {
    SoupServer *soup;
    unsigned port;
    const char *const *frames; /* NULL-terminated; "b" is a binary one */
};

static void on_scripted_open(SoupServer *soup, SoupServerMessage *message, const char *path,
                             SoupWebsocketConnection *ws, void *user)
{
    const struct scripted *scripted = user;
    for (gsize i = 0; scripted->frames[i] != NULL; i++) {
        if (strcmp(scripted->frames[i], "b") == 0)
            soup_websocket_connection_send_binary(ws, "b", 1);
        else
            soup_websocket_connection_send_text(ws, scripted->frames[i]);
    }
    g_object_set_data_full(G_OBJECT(soup), "ws", g_object_ref(ws), g_object_unref);
}

static void scripted_start(struct scripted *scripted, const char *const *frames)
{
    *scripted = (struct scripted){.soup = soup_server_new(NULL, NULL), .frames = frames};
    soup_server_listen_local(scripted->soup, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL);
    GSList *uris = soup_server_get_uris(scripted->soup);
    scripted->port = (unsigned)g_uri_get_port(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    soup_server_add_websocket_handler(scripted->soup, "/socket.io/", NULL, NULL, on_scripted_open, scripted,
                                      NULL);
}

static void scripted_stop(struct scripted *scripted)
{
    soup_server_disconnect(scripted->soup);
    g_object_unref(scripted->soup);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

#define OPEN_PACKET "0{\"sid\":\"x\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":5000}"

static void test_client_leaves_a_server_that_breaks_the_protocol(void)
{
    static const char *const scripts[][4] = {
        {"4"},
        {"b"},
        {"2"},
        {"x"},
        {"0{"},
        {"0{\"sid\":\"x\"}"},
        {OPEN_PACKET, OPEN_PACKET},
        {OPEN_PACKET, "3"},
        {OPEN_PACKET, "42[\"event-before-connect\"]"},
        {OPEN_PACKET, "40"},
        {OPEN_PACKET, "40{\"sid\":7}"},
        {OPEN_PACKET, "40{\"sid\":\"\"}"},
        {OPEN_PACKET, "40/other,{\"sid\":\"x\"}"},
        {OPEN_PACKET, "40{\"sid\":\"x\"}", "40{\"sid\":\"y\"}"},
        {OPEN_PACKET, "40{\"sid\":\"x\"}", "44{\"message\":\"too late\"}"},
        {OPEN_PACKET, "44"},
        {OPEN_PACKET, "40{\"sid\":\"x\"}", "b"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
        struct scripted scripted;
        struct test_client client;
        g_test_message("%s %s", scripts[i][0], scripts[i][1] != NULL ? scripts[i][1] : "");
        scripted_start(&scripted, scripts[i]);
        g_autofree char *url = test_url(scripted.port, "");
        test_client_start(&client, url, NULL, NULL);
        WAIT_FOR(client.closed);
        g_assert_cmpint(client.error.code, ==, DUB_ERROR_PROTOCOL);
        test_client_stop(&client);
        scripted_stop(&scripted);
    }
}

static void test_client_takes_an_open_packet_without_limits_and_a_bare_refusal(void)
{
    static const char *const frames[] = {OPEN_PACKET, "2", "6", "44\"go away\"", NULL};
    struct scripted scripted;
    struct test_client client;
    scripted_start(&scripted, frames);
    g_autofree char *url = test_url(scripted.port, "");
    test_client_start(&client, url, NULL, NULL);
    WAIT_FOR(client.closed);
    g_assert_cmpstr(client.log->str, ==, "connect_error /  go away | ");
    g_assert_cmpint(client.error.code, ==, DUB_ERROR_UNAVAILABLE);
    test_client_stop(&client);
    scripted_stop(&scripted);
}

static void test_client_notices_a_silent_server(void)
{
    static const char *const frames[] = {
        "0{\"sid\":\"x\",\"upgrades\":[],\"pingInterval\":30,\"pingTimeout\":20}", NULL};
    struct scripted scripted;
    struct test_client client;
    scripted_start(&scripted, frames);
    g_autofree char *url = test_url(scripted.port, "");
    test_client_start(&client, url, NULL, NULL);
    WAIT_FOR(client.closed);
    g_assert_nonnull(strstr(client.error.message, "heartbeat"));
    test_client_stop(&client);
    scripted_stop(&scripted);
}

static void note_closed(struct dub_sio_client *client, const struct dub_error *error, void *user)
{
    *(struct dub_error *)user = *error;
}

/* Once before the HTTP answer, once before the open packet. */
static void test_client_gives_up_connecting_after_its_timeout(void)
{
    static const struct dub_sio_client_events events = {.on_closed = note_closed};
    static const char *const nothing[] = {NULL};
    struct scripted scripted;
    scripted_start(&scripted, nothing);
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    guint16 deaf_port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
    const unsigned ports[] = {deaf_port, scripted.port};
    for (gsize i = 0; i < G_N_ELEMENTS(ports); i++) {
        g_autofree char *url = g_strdup_printf("ws://localhost:%u", ports[i]);
        struct dub_error closed = {0};
        struct dub_sio_client_config config = {.url = url, .connect_timeout_ms = 50};
        struct dub_sio_client *client = dub_sio_client_new(&config, &events, &closed, NULL);
        WAIT_FOR(closed.code != DUB_ERROR_NONE);
        g_assert_nonnull(strstr(closed.message, "in time"));
        dub_sio_client_free(client);
    }
    scripted_stop(&scripted);
}

static void test_closing_while_connecting_is_no_error(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    g_autofree char *url = test_url(server.port, "");
    test_client_start(&client, url, NULL, NULL);
    close_and_wait(&client);
    dub_sio_client_close(client.client);
    test_client_stop(&client);
    test_server_stop(&server);
}

/* A certificate for 127.0.0.1, made by openssl; false when it is not installed. */
static bool make_certificate(const char *dir, char **cert, char **key)
{
    *cert = g_build_filename(dir, "cert.pem", NULL);
    *key = g_build_filename(dir, "key.pem", NULL);
    const char *const argv[] = {"openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:prime256v1",
                                "-nodes",
                                "-subj",
                                "/CN=test",
                                "-addext",
                                "subjectAltName=IP:127.0.0.1",
                                "-days",
                                "2",
                                "-keyout",
                                *key,
                                "-out",
                                *cert,
                                NULL};
    int status = 0;
    GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL;
    return g_spawn_sync(NULL, (char **)argv, NULL, flags, NULL, NULL, NULL, NULL, &status, NULL) &&
           status == 0;
}

static void tls_exchange(struct test_server *server, GTlsCertificate *ca, struct dub_error *closed)
{
    static const struct dub_sio_client_events events = {.on_closed = note_closed};
    g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u", server->port);
    const struct dub_sio_client_namespace main_space = {.space = {.name = "/"}};
    struct dub_sio_client_config config = {
        .url = url, .namespaces = &main_space, .n_namespaces = 1, .ca = ca};
    struct dub_sio_client *client = dub_sio_client_new(&config, &events, closed, NULL);
    WAIT_FOR(server->socket != NULL || closed->code != DUB_ERROR_NONE);
    dub_sio_client_free(client);
}

static void test_tls_with_a_certificate_of_our_own(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("socketio-XXXXXX", &error);
    g_autofree char *cert = NULL;
    g_autofree char *key = NULL;
    if (!make_certificate(dir, &cert, &key)) {
        g_test_skip("openssl is not installed");
        return;
    }
    g_autoptr(GTlsCertificate) certificate = g_tls_certificate_new_from_files(cert, key, &error);
    g_assert_no_error(error);
    struct test_server server;
    struct dub_error closed = {0};
    test_server_start_tls(&server, certificate);
    tls_exchange(&server, NULL, &closed);
    g_assert_cmpint(closed.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_null(server.socket);
    closed = (struct dub_error){0};
    tls_exchange(&server, certificate, &closed);
    g_assert_nonnull(strstr(server.log->str, "connect / | "));
    WAIT_FOR(dub_sio_server_n_connections(server.server) == 0);
    test_server_stop(&server);
    remove(cert);
    remove(key);
    remove(dir);
}

static void test_client_may_be_freed_at_any_time(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    g_autofree char *url = test_url(server.port, "");
    for (int rounds = 0; rounds < 12; rounds++) {
        test_client_start(&client, url, NULL, NULL);
        for (int i = 0; i < rounds; i++)
            g_main_context_iteration(NULL, FALSE);
        test_client_stop(&client);
    }
    WAIT_FOR(dub_sio_server_n_connections(server.server) == 0);
    test_server_stop(&server);
}

static void test_server_may_be_freed_with_connections(void)
{
    struct test_server server;
    struct test_client client;
    test_server_start(&server, NULL, 0);
    connect_pair(&server, &client);
    dub_sio_server_free(g_steal_pointer(&server.server));
    g_assert_cmpuint(server.n_disconnects, ==, 1);
    g_assert_cmpint(server.reason, ==, DUB_EIO_CLOSED);
    WAIT_FOR(client.closed);
    test_client_stop(&client);
    test_server_stop(&server);
}

static void test_nonsense_urls_are_refused(void)
{
    const char *const urls[] = {"", "nonsense", "ftp://host/", "http://", "http://host:port/", "://"};
    static const struct dub_sio_client_events events = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
        struct dub_sio_client_config config = {.url = urls[i]};
        struct dub_error error = {0};
        g_assert_null(dub_sio_client_new(&config, &events, NULL, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/socketio/events-go-both-ways", test_events_go_both_ways);
    g_test_add_func("/socketio/large-messages-arrive-whole", test_large_messages_arrive_whole);
    g_test_add_func("/socketio/what-was-emitted-before-a-close-arrives",
                    test_what_was_emitted_before_a_close_arrives);
    g_test_add_func("/socketio/namespaces-are-separate", test_namespaces_are_separate);
    g_test_add_func("/socketio/wrong-key-is-refused-with-code", test_wrong_key_is_refused_with_code);
    g_test_add_func("/socketio/acknowledgements-both-ways", test_acknowledgements_both_ways);
    g_test_add_func("/socketio/acknowledgement-that-never-comes", test_acknowledgement_that_never_comes);
    g_test_add_func("/socketio/binary-events-carry-attachments", test_binary_events_carry_attachments);
    g_test_add_func("/socketio/protocol-breaks-close-only-that-connection",
                    test_protocol_breaks_close_only_that_connection);
    g_test_add_func("/socketio/bad-handshakes-are-refused", test_bad_handshakes_are_refused);
    g_test_add_func("/socketio/connection-without-connect-is-closed",
                    test_connection_without_connect_is_closed);
    g_test_add_func("/socketio/heartbeat-keeps-and-its-absence-closes",
                    test_heartbeat_keeps_and_its_absence_closes);
    g_test_add_func("/socketio/oversized-message-closes", test_oversized_message_closes);
    g_test_add_func("/socketio/client-that-reads-nothing-is-cut-off",
                    test_client_that_reads_nothing_is_cut_off);
    g_test_add_func("/socketio/client-reports-why-it-cannot-connect",
                    test_client_reports_why_it_cannot_connect);
    g_test_add_func("/socketio/client-leaves-a-server-that-breaks-the-protocol",
                    test_client_leaves_a_server_that_breaks_the_protocol);
    g_test_add_func("/socketio/client-takes-an-open-packet-without-limits-and-a-bare-refusal",
                    test_client_takes_an_open_packet_without_limits_and_a_bare_refusal);
    g_test_add_func("/socketio/client-notices-a-silent-server", test_client_notices_a_silent_server);
    g_test_add_func("/socketio/client-gives-up-connecting-after-its-timeout",
                    test_client_gives_up_connecting_after_its_timeout);
    g_test_add_func("/socketio/closing-while-connecting-is-no-error",
                    test_closing_while_connecting_is_no_error);
    g_test_add_func("/socketio/tls-with-a-certificate-of-our-own", test_tls_with_a_certificate_of_our_own);
    g_test_add_func("/socketio/client-may-be-freed-at-any-time", test_client_may_be_freed_at_any_time);
    g_test_add_func("/socketio/server-may-be-freed-with-connections",
                    test_server_may_be_freed_with_connections);
    g_test_add_func("/socketio/nonsense-urls-are-refused", test_nonsense_urls_are_refused);
    return g_test_run();
}
