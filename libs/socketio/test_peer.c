/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test_peer.h"

#include <dubbing_json.h>
#include <string.h>

static gboolean on_tick(void *data)
{
    return G_SOURCE_REMOVE;
}

void test_iterate(void)
{
    guint id = g_timeout_add(5, on_tick, NULL);
    g_main_context_iteration(NULL, TRUE);
    if (g_main_context_find_source_by_id(NULL, id) != NULL)
        g_source_remove(id);
}

char *test_url(unsigned port, const char *path)
{
    return g_strdup_printf("http://127.0.0.1:%u%s", port, path);
}

static void log_event(GString *log, struct dub_sio_socket *socket, const struct dub_sio_event *event)
{
    g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), event->args);
    g_autofree char *args = dub_json_to_string(node);
    g_string_append_printf(log, "event %s %s %s | ", dub_sio_socket_namespace(socket), event->name, args);
}

static bool server_authorize(const struct dub_eio_handshake *handshake, JsonNode *auth,
                             struct dub_sio_refusal *refusal, void *user)
{
    struct test_server *test = user;
    g_string_append_printf(test->log, "stream %s | ", dub_eio_handshake_header(handshake, "X-Stream-ID"));
    if (test->token == NULL)
        return true;
    JsonNode *token = auth != NULL ? json_object_get_member(json_node_get_object(auth), "token") : NULL;
    if (token != NULL && strcmp(json_node_get_string(token), test->token) == 0)
        return true;
    g_strlcpy(refusal->code, "AUTH_FAILED", sizeof refusal->code);
    g_strlcpy(refusal->message, "the key is wrong", sizeof refusal->message);
    return false;
}

static void server_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                           JsonNode *auth, void *user)
{
    struct test_server *test = user;
    test->socket = socket;
    g_string_append_printf(test->log, "connect %s | ", dub_sio_socket_namespace(socket));
}

static void server_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct test_server *test = user;
    log_event(test->log, socket, event);
    if (!test->echo)
        return;
    if (strcmp(event->name, "message") == 0)
        dub_sio_socket_emit(socket, "message-back", event->args, event->attachments);
    dub_sio_socket_ack(socket, event->ack_id, event->args, event->attachments);
}

static void server_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    struct test_server *test = user;
    g_string_append_printf(test->log, "disconnect %s | ", dub_sio_socket_namespace(socket));
    test->n_disconnects++;
    test->reason = reason;
    if (test->socket == socket)
        test->socket = NULL;
}

/* libsoup warns about a peer that was gone before its connection was looked at; here peers are gone on
 * purpose. */
static gboolean is_fatal(const char *domain, GLogLevelFlags level, const char *message, void *user)
{
    return g_strcmp0(domain, "libsoup") != 0 || strstr(message, "could not get remote address") == NULL;
}

static void on_libsoup_warning(const char *domain, GLogLevelFlags level, const char *message, void *user)
{
    if (is_fatal(domain, level, message, user))
        g_log_default_handler(domain, level, message, user);
}

static void expect_lost_peers(void)
{
    g_test_log_set_fatal_handler(is_fatal, NULL);
    g_log_set_handler("libsoup", G_LOG_LEVEL_WARNING | G_LOG_FLAG_FATAL, on_libsoup_warning, NULL);
}

static void serve(struct test_server *test, const struct dub_sio_server_config *config)
{
    test->server = dub_sio_server_new(test->soup, config);
    struct dub_sio_namespace space = {
        .name = "/",
        .on_authorize = server_authorize,
        .on_connect = server_connect,
        .on_event = server_event,
        .on_disconnect = server_disconnect,
        .user = test,
    };
    dub_sio_server_add_namespace(test->server, &space);
    space.name = "/custom";
    dub_sio_server_add_namespace(test->server, &space);
}

static void listen_on_loopback(struct test_server *test, GTlsCertificate *certificate)
{
    g_autoptr(GError) error = NULL;
    SoupServerListenOptions tls = certificate != NULL ? SOUP_SERVER_LISTEN_HTTPS : 0;
    test->soup = soup_server_new(NULL, NULL);
    soup_server_set_tls_certificate(test->soup, certificate);
    soup_server_listen_local(test->soup, 0, SOUP_SERVER_LISTEN_IPV4_ONLY | tls, &error);
    g_assert_no_error(error);
    GSList *uris = soup_server_get_uris(test->soup);
    test->port = (unsigned)g_uri_get_port(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
}

void test_server_start(struct test_server *test, const struct dub_eio_limits *limits,
                       unsigned connect_timeout_ms)
{
    static const char *const paths[] = {"/socket.io/", "/ws/sts", NULL};
    *test = (struct test_server){.log = g_string_new(NULL), .echo = true};
    expect_lost_peers();
    listen_on_loopback(test, NULL);
    struct dub_sio_server_config config = {.paths = paths, .connect_timeout_ms = connect_timeout_ms};
    if (limits != NULL)
        config.limits = *limits;
    serve(test, &config);
}

void test_server_start_tls(struct test_server *test, GTlsCertificate *certificate)
{
    *test = (struct test_server){.log = g_string_new(NULL), .echo = true};
    expect_lost_peers();
    listen_on_loopback(test, certificate);
    serve(test, NULL);
}

void test_server_stop(struct test_server *test)
{
    dub_sio_server_free(test->server);
    soup_server_disconnect(test->soup);
    g_object_unref(test->soup);
    g_string_free(test->log, TRUE);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void client_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                           JsonNode *auth, void *user)
{
    struct test_client *test = user;
    if (test->socket == NULL)
        test->socket = socket;
    g_string_append_printf(test->log, "connect %s | ", dub_sio_socket_namespace(socket));
}

static void client_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct test_client *test = user;
    log_event(test->log, socket, event);
    dub_sio_socket_ack(socket, event->ack_id, event->args, event->attachments);
}

static void client_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    struct test_client *test = user;
    g_string_append_printf(test->log, "disconnect %s | ", dub_sio_socket_namespace(socket));
    if (test->socket == socket)
        test->socket = NULL;
}

static void client_connect_error(struct dub_sio_client *client, const char *space, const char *code,
                                 const char *message, void *user)
{
    struct test_client *test = user;
    g_string_append_printf(test->log, "connect_error %s %s %s | ", space, code, message);
}

static void client_closed(struct dub_sio_client *client, const struct dub_error *error, void *user)
{
    struct test_client *test = user;
    test->closed = true;
    test->error = *error;
}

static const struct dub_sio_client_events client_events = {client_connect_error, client_closed};

static JsonNode *auth_node(const char *token)
{
    if (token == NULL)
        return NULL;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "token", token);
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

void test_client_start(struct test_client *test, const char *url, const char *token,
                       const char *const *spaces)
{
    static const char *const headers[] = {"X-Stream-ID", "stream-1", NULL};
    static const char *const only_main[] = {"/", NULL};
    spaces = spaces != NULL ? spaces : only_main;
    *test = (struct test_client){.log = g_string_new(NULL)};
    g_autoptr(JsonNode) auth = auth_node(token);
    struct dub_sio_client_namespace namespaces[4] = {0};
    struct dub_sio_client_config config = {.url = url, .headers = headers, .namespaces = namespaces};
    for (; spaces[config.n_namespaces] != NULL; config.n_namespaces++) {
        namespaces[config.n_namespaces] = (struct dub_sio_client_namespace){
            .space = {.name = spaces[config.n_namespaces],
                      .on_connect = client_connect,
                      .on_event = client_event,
                      .on_disconnect = client_disconnect,
                      .user = test},
            .auth = auth,
        };
    }
    struct dub_error error = {0};
    test->client = dub_sio_client_new(&config, &client_events, test, &error);
    g_assert_cmpstr(error.message, ==, "");
}

void test_client_stop(struct test_client *test)
{
    dub_sio_client_free(test->client);
    g_string_free(test->log, TRUE);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void on_raw_message(SoupWebsocketConnection *ws, int type, GBytes *bytes, void *user)
{
    struct test_raw *raw = user;
    gsize size = 0;
    const guchar *data = g_bytes_get_data(bytes, &size);
    if (type == SOUP_WEBSOCKET_DATA_TEXT) {
        g_ptr_array_add(raw->received, g_strndup((const char *)data, size));
        return;
    }
    GString *hex = g_string_new("b:");
    for (gsize i = 0; i < size; i++)
        g_string_append_printf(hex, "%02x", data[i]);
    g_ptr_array_add(raw->received, g_string_free(hex, FALSE));
}

static void on_raw_closed(SoupWebsocketConnection *ws, void *user)
{
    ((struct test_raw *)user)->closed = true;
}

static void on_raw_open(GObject *session, GAsyncResult *result, void *user)
{
    struct test_raw *raw = user;
    g_autoptr(GError) error = NULL;
    raw->ws = soup_session_websocket_connect_finish(SOUP_SESSION(session), result, &error);
    raw->failed = raw->ws == NULL;
    if (raw->failed)
        return;
    soup_websocket_connection_set_max_incoming_payload_size(raw->ws, 0);
    g_signal_connect(raw->ws, "message", G_CALLBACK(on_raw_message), raw);
    g_signal_connect(raw->ws, "closed", G_CALLBACK(on_raw_closed), raw);
}

void test_raw_open(struct test_raw *raw, unsigned port, const char *path)
{
    g_autofree char *url = g_strdup_printf("ws://127.0.0.1:%u%s", port, path);
    *raw = (struct test_raw){.session = soup_session_new()};
    raw->received = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(SoupMessage) message = soup_message_new(SOUP_METHOD_GET, url);
    soup_session_websocket_connect_async(raw->session, message, NULL, NULL, G_PRIORITY_DEFAULT, NULL,
                                         on_raw_open, raw);
    WAIT_FOR(raw->ws != NULL || raw->failed);
    raw->status = soup_message_get_status(message);
}

void test_raw_send(struct test_raw *raw, const char *text)
{
    soup_websocket_connection_send_text(raw->ws, text);
}

const char *test_raw_wait(struct test_raw *raw, guint n)
{
    WAIT_FOR(raw->received->len > n);
    return raw->received->pdata[n];
}

void test_raw_close(struct test_raw *raw)
{
    if (raw->ws != NULL) {
        g_signal_handlers_disconnect_by_data(raw->ws, raw);
        g_io_stream_close(soup_websocket_connection_get_io_stream(raw->ws), NULL, NULL);
        g_object_unref(raw->ws);
    }
    g_object_unref(raw->session);
    g_ptr_array_unref(raw->received);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

void test_connect_pair(struct test_server *server, struct test_client *client)
{
    g_autofree char *url = test_url(server->port, "");
    test_client_start(client, url, NULL, NULL);
    WAIT_FOR(client->socket != NULL && server->socket != NULL);
}

JsonNode *test_parse(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    g_assert_nonnull(node);
    return node;
}

void test_client_close(struct test_client *client)
{
    dub_sio_client_close(client->client);
    WAIT_FOR(client->closed);
    g_assert_cmpint(client->error.code, ==, DUB_ERROR_NONE);
}

/* RFC 6455 section 4.2.2. Owned by the caller. */
static char *accept_of(const char *request)
{
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    g_assert_nonnull(key);
    g_autofree char *text = g_strdup_printf("%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA1);
    g_checksum_update(checksum, (const guchar *)text, -1);
    guint8 digest[20];
    gsize size = sizeof digest;
    g_checksum_get_digest(checksum, digest, &size);
    return g_base64_encode(digest, size);
}

static void read_request(GIOStream *tcp, char *request, gsize size)
{
    GInputStream *in = g_io_stream_get_input_stream(tcp);
    for (gsize at = 0; strstr(request, "\r\n\r\n") == NULL;) {
        gssize got = g_input_stream_read(in, request + at, size - 1 - at, NULL, NULL);
        g_assert_cmpint(got, >, 0);
        at += (gsize)got;
    }
}

static void write_answer(GIOStream *tcp, const char *answer, const char *request)
{
    g_auto(GStrv) parts = g_strsplit(answer, "%s", 2);
    g_autofree char *accept = accept_of(request);
    g_autofree char *text = g_strconcat(parts[0], parts[1] != NULL ? accept : NULL, parts[1], NULL);
    g_output_stream_write_all(g_io_stream_get_output_stream(tcp), text, strlen(text), NULL, NULL, NULL);
}

static void *serve_without_manners(void *data)
{
    struct test_tcp *test = data;
    char request[4096] = "";
    GIOStream *tcp = G_IO_STREAM(g_socket_listener_accept(test->listener, NULL, NULL, NULL));
    read_request(tcp, request, sizeof request);
    if (test->answer == NULL) {
        g_io_stream_close(tcp, NULL, NULL);
        return tcp;
    }
    write_answer(tcp, test->answer, request);
    GOutputStream *out = g_io_stream_get_output_stream(tcp);
    while (test->flood != NULL && test->n_flooded < TEST_FLOOD_BYTES_MAX &&
           g_output_stream_write_all(out, test->flood, test->flood_bytes, NULL, NULL, NULL))
        test->n_flooded += test->flood_bytes;
    return tcp;
}

void test_tcp_start(struct test_tcp *test)
{
    test->listener = g_socket_listener_new();
    test->port = g_socket_listener_add_any_inet_port(test->listener, NULL, NULL);
    test->thread = g_thread_new("without-manners", serve_without_manners, test);
}

void test_tcp_stop(struct test_tcp *test)
{
    g_object_unref(g_thread_join(test->thread));
    g_object_unref(test->listener);
}
