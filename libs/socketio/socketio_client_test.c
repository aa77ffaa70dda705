/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client against servers that are not there, do not answer, lie, or want TLS. */
#include "test_peer.h"

#include <stdio.h>
#include <string.h>

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
    test_client_close(&client);
    dub_sio_client_close(client.client);
    test_client_stop(&client);
    test_server_stop(&server);
}

/* Two frames of text: the open packet, with its size before it, and the CONNECT's answer. */
#define OPEN_PACKET_BYTES "\x42"
#define CONNECTED                                                                                            \
    TEST_SWITCHING "\x81" OPEN_PACKET_BYTES OPEN_PACKET "\x81\x0d"                                           \
                   "40{\"sid\":\"x\"}"

struct talk {
    struct dub_sio_socket *socket; /* while it is connected */
};

static void keep_socket(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                        JsonNode *auth, void *user)
{
    ((struct talk *)user)->socket = socket;
}

static void forget_socket(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    ((struct talk *)user)->socket = NULL;
}

static void test_client_gives_up_a_server_that_reads_nothing(void)
{
    static const struct dub_sio_client_events events = {.on_closed = note_closed};
    struct test_tcp deaf = {.answer = CONNECTED};
    struct talk talk = {0};
    struct dub_error closed = {0};
    test_tcp_start(&deaf);
    g_autofree char *url = test_url(deaf.port, "");
    const struct dub_sio_client_namespace main_space = {
        .space = {.name = "/", .on_connect = keep_socket, .on_disconnect = forget_socket, .user = &talk}};
    const struct dub_sio_client_config config = {.url = url,
                                                 .namespaces = &main_space,
                                                 .n_namespaces = 1,
                                                 .limits = {.max_queued_bytes = 1024 * 1024}};
    struct dub_sio_client *client = dub_sio_client_new(&config, &events, &closed, NULL);
    WAIT_FOR(talk.socket != NULL);
    WAIT_FOR(dub_sio_socket_queued_bytes(talk.socket) == 0);
    g_autofree char *text = g_strnfill(256 * 1024, 'E');
    for (int i = 0; i < 1000 && talk.socket != NULL; i++) {
        dub_sio_socket_emit_take(talk.socket, "flood", json_node_init_string(json_node_alloc(), text));
        test_iterate();
    }
    WAIT_FOR(closed.code != DUB_ERROR_NONE);
    g_assert_nonnull(strstr(closed.message, "reads too slowly"));
    dub_sio_client_free(client);
    test_tcp_stop(&deaf);
}

static void assert_flood_is_cut_off(struct test_tcp *hostile)
{
    struct dub_error closed = {0};
    static const struct dub_sio_client_events events = {.on_closed = note_closed};
    test_tcp_start(hostile);
    g_autofree char *url = test_url(hostile->port, "");
    const struct dub_sio_client_namespace main_space = {.space = {.name = "/"}};
    const struct dub_sio_client_config config = {.url = url,
                                                 .namespaces = &main_space,
                                                 .n_namespaces = 1,
                                                 .limits = {.max_payload_bytes = 100 * 1000}};
    struct dub_sio_client *client = dub_sio_client_new(&config, &events, &closed, NULL);
    WAIT_FOR(closed.code != DUB_ERROR_NONE);
    g_assert_nonnull(strstr(closed.message, "broke the protocol"));
    dub_sio_client_free(client);
    test_tcp_stop(hostile);
    g_assert_cmpuint(hostile->n_flooded, <, TEST_FLOOD_BYTES_MAX);
}

static void test_client_cuts_off_a_message_without_an_end(void)
{
    /* A continuation that is not the last, of 1000 bytes. */
    char fragment[4 + 1000] = {0, 126, 1000 >> 8, (char)(1000 & 0xff)};
    memset(fragment + 4, 'x', 1000);
    struct test_tcp hostile = {.answer = CONNECTED "\x01\x02"
                                                   "42",
                               .flood = fragment,
                               .flood_bytes = sizeof fragment};
    assert_flood_is_cut_off(&hostile);
}

static void test_client_takes_no_message_beyond_its_limit(void)
{
    static const char huge[] = {(char)0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0, 'x'};
    struct test_tcp hostile = {.answer = CONNECTED, .flood = huge, .flood_bytes = sizeof huge};
    assert_flood_is_cut_off(&hostile);
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
    g_test_add_func("/socketio-client/client-reports-why-it-cannot-connect",
                    test_client_reports_why_it_cannot_connect);
    g_test_add_func("/socketio-client/client-leaves-a-server-that-breaks-the-protocol",
                    test_client_leaves_a_server_that_breaks_the_protocol);
    g_test_add_func("/socketio-client/client-takes-an-open-packet-without-limits-and-a-bare-refusal",
                    test_client_takes_an_open_packet_without_limits_and_a_bare_refusal);
    g_test_add_func("/socketio-client/client-notices-a-silent-server", test_client_notices_a_silent_server);
    g_test_add_func("/socketio-client/client-gives-up-connecting-after-its-timeout",
                    test_client_gives_up_connecting_after_its_timeout);
    g_test_add_func("/socketio-client/client-gives-up-a-server-that-reads-nothing",
                    test_client_gives_up_a_server_that_reads_nothing);
    g_test_add_func("/socketio-client/client-cuts-off-a-message-without-an-end",
                    test_client_cuts_off_a_message_without_an_end);
    g_test_add_func("/socketio-client/client-takes-no-message-beyond-its-limit",
                    test_client_takes_no_message_beyond_its_limit);
    g_test_add_func("/socketio-client/closing-while-connecting-is-no-error",
                    test_closing_while_connecting_is_no_error);
    g_test_add_func("/socketio-client/tls-with-a-certificate-of-our-own",
                    test_tls_with_a_certificate_of_our_own);
    g_test_add_func("/socketio-client/client-may-be-freed-at-any-time", test_client_may_be_freed_at_any_time);
    g_test_add_func("/socketio-client/nonsense-urls-are-refused", test_nonsense_urls_are_refused);
    return g_test_run();
}
