/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may hold a connection, and for how long; who counts as local. Requests are written by hand on sockets
 * with chosen addresses. */
#include <dubbing_http.h>

#include "test_support.h"

#include <string.h>

struct fixture {
    struct dub_http_server *server;
    SoupServerMessage *streaming; /* borrowed */
};

struct client {
    GSocketConnection *connection;
    GString *answer;
    const char *until; /* what the wait is for */
    char buffer[4096];
    bool closed;
};

static void on_item(struct dub_http_request *request, void *user)
{
    dub_http_reply_text(request, 200, "text/plain", g_strdup(request->from_loopback ? "local" : "remote"));
}

static void add_to_stream(struct fixture *fixture, const char *text)
{
    soup_message_body_append(soup_server_message_get_response_body(fixture->streaming), SOUP_MEMORY_COPY,
                             text, strlen(text));
    soup_server_message_unpause(fixture->streaming);
}

static void on_stream(struct dub_http_request *request, void *user)
{
    struct fixture *fixture = user;
    fixture->streaming = request->message;
    soup_message_headers_set_encoding(soup_server_message_get_response_headers(request->message),
                                      SOUP_ENCODING_CHUNKED);
    soup_server_message_set_status(request->message, 200, NULL);
    dub_http_request_stream(request);
    add_to_stream(fixture, "first");
}

static const struct dub_http_route routes[] = {
    {"GET", "/item", on_item, 0},
    {"POST", "/item", on_item, DUB_HTTP_WRITES},
    {"GET", "/stream", on_stream, 0},
    {NULL},
};

static void open_server(struct fixture *fixture, const struct dub_http_config *config)
{
    struct dub_error error = {0};
    fixture->server = dub_http_server_new(config, routes, fixture, &error);
    if (fixture->server == NULL)
        g_error("%s", error.message);
}

static void on_read(GObject *source, GAsyncResult *result, void *user)
{
    struct client *client = user;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
    client->closed = n <= 0;
    if (client->closed)
        return;
    g_string_append_len(client->answer, client->buffer, n);
    g_input_stream_read_async(G_INPUT_STREAM(source), client->buffer, sizeof(client->buffer),
                              G_PRIORITY_DEFAULT, NULL, on_read, client);
}

static gboolean on_accepted(void *user)
{
    *(bool *)user = true;
    return G_SOURCE_REMOVE;
}

static bool is_true(void *user)
{
    return *(bool *)user;
}

/* Once the server has accepted: the order of connections is that of their opening. */
static void let_server_accept(void)
{
    bool idle = false;
    g_idle_add_full(G_PRIORITY_LOW, on_accepted, &idle, NULL);
    g_assert_true(test_wait(is_true, &idle));
}

static void open_client(struct fixture *fixture, struct client *client, const char *from, const char *text)
{
    g_autoptr(GSocketClient) socket_client = g_socket_client_new();
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(from);
    g_autoptr(GSocketAddress) local = g_inet_socket_address_new(address, 0);
    g_autofree char *host =
        g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 ? g_strdup("::1") : g_strdup("127.0.0.1");
    *client = (struct client){.answer = g_string_new(NULL)};
    g_socket_client_set_local_address(socket_client, local);
    client->connection = g_socket_client_connect_to_host(
        socket_client, host, (guint16)dub_http_server_port(fixture->server), NULL, NULL);
    g_assert_nonnull(client->connection);
    g_assert_true(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(client->connection)),
                                            text, strlen(text), NULL, NULL, NULL));
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(client->connection)), client->buffer,
                              sizeof(client->buffer), G_PRIORITY_DEFAULT, NULL, on_read, client);
    let_server_accept();
}

static bool has_text(void *user)
{
    const struct client *client = user;
    return strstr(client->answer->str, client->until) != NULL;
}

static bool is_closed(void *user)
{
    return ((const struct client *)user)->closed;
}

static void expect(struct client *client, const char *text)
{
    client->until = text;
    if (!test_wait(has_text, client))
        g_error("\"%s\" does not hold \"%s\"", client->answer->str, text);
}

static void close_client(struct client *client)
{
    g_socket_shutdown(g_socket_connection_get_socket(client->connection), TRUE, TRUE, NULL);
    g_assert_true(test_wait(is_closed, client));
    g_object_unref(client->connection);
    g_string_free(client->answer, TRUE);
}

#define SILENT ""
#define ASK "GET /item HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_the_oldest_makes_room(void)
{
    struct fixture fixture = {0};
    struct client a, b, c, d, e, f;
    open_server(&fixture,
                &(struct dub_http_config){
                    .address = "127.0.0.1:0", .max_connections = 4, .max_per_address = 2, .make_room = true});
    open_client(&fixture, &a, "127.0.0.1", SILENT);
    open_client(&fixture, &b, "127.0.0.1", "GET /item HT");
    open_client(&fixture, &c, "127.0.0.2", SILENT);
    /* A third from the first address, then a fifth in all. */
    open_client(&fixture, &d, "127.0.0.1", SILENT);
    g_assert_true(test_wait(is_closed, &a));
    g_assert_false(b.closed || c.closed || d.closed);
    open_client(&fixture, &e, "127.0.0.3", SILENT);
    open_client(&fixture, &f, "127.0.0.4", ASK);
    expect(&f, "200 OK");
    g_assert_true(test_wait(is_closed, &b));
    g_assert_false(c.closed || d.closed || e.closed);
    for (unsigned i = 0; i < 50; i++) {
        struct client asking;
        open_client(&fixture, &asking, "127.0.0.1", ASK);
        expect(&asking, "200 OK");
        close_client(&asking);
    }
    close_client(&a);
    close_client(&b);
    close_client(&c);
    close_client(&d);
    close_client(&e);
    close_client(&f);
    dub_http_server_free(fixture.server);
}

/* As long as one that is closed for its slowness, and longer. */
static void test_a_stream_is_not_limited(void)
{
    struct fixture fixture = {0};
    struct client stream, slow;
    open_server(&fixture, &(struct dub_http_config){.address = "127.0.0.1:0",
                                                    .max_connections = 1,
                                                    .make_room = true,
                                                    .request_timeout_ms = 100});
    open_client(&fixture, &stream, "127.0.0.1", "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(&stream, "first");
    for (unsigned i = 0; i < 2; i++) {
        open_client(&fixture, &slow, "127.0.0.1", SILENT);
        g_assert_true(test_wait(is_closed, &slow));
        close_client(&slow);
    }
    g_assert_false(stream.closed);
    add_to_stream(&fixture, "second");
    expect(&stream, "second");
    close_client(&stream);
    let_server_accept();
    dub_http_server_free(fixture.server);
}

static void test_header_fields_are_limited(void)
{
    struct fixture fixture = {0};
    struct client client;
    open_server(&fixture, &(struct dub_http_config){.address = "127.0.0.1:0"});
    for (unsigned n = 99; n <= 100; n++) {
        g_autoptr(GString) text = g_string_new("GET /item HTTP/1.1\r\nHost: x\r\n");
        for (unsigned i = 0; i < n; i++)
            g_string_append(text, "a: b\r\n");
        g_string_append(text, "\r\n");
        open_client(&fixture, &client, "127.0.0.1", text->str);
        expect(&client, n <= 99 ? "200 OK" : "TOO_MANY_HEADERS");
        close_client(&client);
    }
    dub_http_server_free(fixture.server);
}

static void test_who_is_local(void)
{
    static const struct {
        const char *header, *status;
    } cases[] = {
        {"A: b", "200 OK"},
        {"Origin: http://127.0.0.1:3000", "200 OK"},
        {"Origin: http://localhost:8080", "200 OK"},
        {"Origin: http://[::1]", "200 OK"},
        {"Origin: http://far.example", "403 "},
        {"Origin: http://127.0.0.1.far.example", "403 "},
        {"Origin: null", "403 "},
        {"Origin:", "403 "},
        {"X-Forwarded-For: 203.0.113.7", "403 "},
        {"X-Forwarded-For: 127.0.0.1", "403 "},
        {"x-real-ip: 127.0.0.1", "403 "},
        {"Forwarded: for=127.0.0.1", "403 "},
        {"Via: 1.1 proxy", "403 "},
    };
    struct fixture fixture = {0};
    open_server(&fixture, &(struct dub_http_config){.address = "127.0.0.1:0"});
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct client client;
        g_autofree char *text =
            g_strdup_printf("POST /item HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", cases[i].header);
        g_test_message("%s", cases[i].header);
        open_client(&fixture, &client, "127.0.0.1", text);
        expect(&client, cases[i].status);
        close_client(&client);
    }
    dub_http_server_free(fixture.server);
}

static void test_a_key_stands_above_where_one_is(void)
{
    struct fixture fixture = {0};
    struct client client;
    open_server(&fixture, &(struct dub_http_config){.address = "127.0.0.1:0", .api_key = "k"});
    open_client(&fixture, &client, "127.0.0.1",
                "POST /item HTTP/1.1\r\nHost: x\r\nVia: 1.1 proxy\r\nAuthorization: Bearer k\r\n\r\n");
    expect(&client, "200 OK");
    close_client(&client);
    dub_http_server_free(fixture.server);
}

static bool has_ipv6(void)
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    g_autoptr(GInetAddress) address = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV6);
    g_autoptr(GSocketAddress) local = g_inet_socket_address_new(address, 0);
    return g_socket_listener_add_address(listener, local, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                                         NULL, NULL, NULL);
}

static void test_loopback_of_both_families(void)
{
    static const char *const addresses[] = {"::1", "127.0.0.1", NULL};
    struct fixture fixture = {0};
    if (!has_ipv6()) {
        g_test_skip("this machine has no IPv6");
        return;
    }
    open_server(&fixture, &(struct dub_http_config){.address = ":0"});
    for (unsigned i = 0; addresses[i] != NULL; i++) {
        struct client client;
        open_client(&fixture, &client, addresses[i], "POST /item HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(&client, "local");
        close_client(&client);
    }
    dub_http_server_free(fixture.server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http-guard/the-oldest-makes-room", test_the_oldest_makes_room);
    g_test_add_func("/http-guard/a-stream-is-not-limited", test_a_stream_is_not_limited);
    g_test_add_func("/http-guard/header-fields-are-limited", test_header_fields_are_limited);
    g_test_add_func("/http-guard/who-is-local", test_who_is_local);
    g_test_add_func("/http-guard/a-key-stands-above-where-one-is", test_a_key_stands_above_where_one_is);
    g_test_add_func("/http-guard/loopback-of-both-families", test_loopback_of_both_families);
    return g_test_run();
}
