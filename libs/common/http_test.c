/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Over real sockets on port 0. Requests are written by hand where a well-behaved client would not send them.
 */
#include <dubbing_http.h>

#include "test_support.h"

#include <dubbing_json.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct dub_http_server *server;
    SoupSession *session;
    char *base;
    unsigned calls;
    char *last_params;
    bool last_loopback;
};

static void on_echo(struct dub_http_request *request, void *user)
{
    struct fixture *fixture = user;
    fixture->calls++;
    fixture->last_loopback = request->from_loopback;
    g_free(fixture->last_params);
    fixture->last_params = g_strjoinv("|", (char **)request->params);
    const char *q = request->query != NULL ? g_hash_table_lookup(request->query, "q") : NULL;
    dub_http_reply_text(request, 200, "text/plain",
                        g_strdup_printf("%s:%s", request->method, q != NULL ? q : ""));
}

static void on_json(struct dub_http_request *request, void *user)
{
    struct fixture *fixture = user;
    fixture->calls++;
    JsonObject *object = dub_http_request_json(request);
    if (object == NULL)
        return;
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    dub_http_reply_json(request, 201, node);
}

static void on_fail(struct dub_http_request *request, void *user)
{
    dub_http_reply_error(request, 429, "LIMIT", "no more than %d\xff", 3);
}

static const struct dub_http_route routes[] = {
    {"GET", "/items/{id}", on_echo, 0},
    {"DELETE", "/items/{id}", on_echo, DUB_HTTP_WRITES},
    {"GET", "/items/{id}/parts/{part}", on_echo, 0},
    {"GET", "/get/{name...}", on_echo, 0},
    {"POST", "/json", on_json, 0},
    {"GET", "/keyed", on_echo, DUB_HTTP_KEYED},
    {"GET", "/fail", on_fail, 0},
    {"GET", "/health", on_echo, DUB_HTTP_ALWAYS},
    {NULL},
};

static void set_up_with(struct fixture *fixture, const struct dub_http_config *config)
{
    struct dub_error error = {0};
    fixture->server = dub_http_server_new(config, routes, fixture, &error);
    if (fixture->server == NULL)
        g_error("%s", error.message);
    g_assert_cmpuint(dub_http_server_port(fixture->server), >, 0);
    g_assert_true(SOUP_IS_SERVER(dub_http_server_soup(fixture->server)));
    fixture->base = g_strdup_printf("%s://127.0.0.1:%u", config->tls_cert != NULL ? "https" : "http",
                                    dub_http_server_port(fixture->server));
    fixture->session = soup_session_new();
}

static void set_up(struct fixture *fixture, const void *data)
{
    set_up_with(fixture, &(struct dub_http_config){.address = "127.0.0.1:0", .max_body_bytes = 1000});
}

static void set_up_guarded(struct fixture *fixture, const void *data)
{
    set_up_with(fixture, &(struct dub_http_config){.address = "127.0.0.1:0", .request_timeout_ms = 100});
}

static void set_up_small(struct fixture *fixture, const void *data)
{
    set_up_with(fixture, &(struct dub_http_config){.address = "127.0.0.1:0", .max_connections = 2});
}

static void set_up_with_key(struct fixture *fixture, const void *data)
{
    set_up_with(fixture, &(struct dub_http_config){.address = "127.0.0.1:0", .api_key = "s3cret"});
}

static bool admit_one_stream(struct dub_http_request *request, void *user)
{
    if (g_str_has_suffix(request->path, "/live"))
        return true;
    dub_http_reply_error(request, 401, "UNAUTHORIZED", "not you");
    return false;
}

static void set_up_admitting(struct fixture *fixture, const void *data)
{
    set_up_with(fixture, &(struct dub_http_config){.address = "127.0.0.1:0", .admit = admit_one_stream});
}

static void tear_down(struct fixture *fixture, const void *data)
{
    g_clear_pointer(&fixture->server, dub_http_server_free);
    g_clear_object(&fixture->session);
    g_clear_pointer(&fixture->base, g_free);
    g_clear_pointer(&fixture->last_params, g_free);
}

struct answer {
    bool done;
    unsigned status;
    char *body;
    SoupMessage *message;
};

static void clear_answer(struct answer *answer)
{
    g_free(answer->body);
    g_clear_object(&answer->message);
}

static void on_answer(GObject *source, GAsyncResult *result, void *user)
{
    struct answer *answer = user;
    g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);
    answer->done = true;
    answer->status = soup_message_get_status(answer->message);
    gsize size = 0;
    const char *data = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;
    answer->body = g_strndup(data != NULL ? data : "", size);
}

static bool is_done(void *user)
{
    return ((struct answer *)user)->done;
}

static gboolean accept_any_certificate(SoupMessage *message, GTlsCertificate *certificate,
                                       GTlsCertificateFlags errors, void *user)
{
    return TRUE;
}

/* body and key may be NULL. */
static struct answer request(struct fixture *fixture, const char *method, const char *path, const char *body,
                             const char *key)
{
    struct answer answer = {0};
    g_autofree char *url = g_strconcat(fixture->base, path, NULL);
    answer.message = soup_message_new(method, url);
    g_signal_connect(answer.message, "accept-certificate", G_CALLBACK(accept_any_certificate), NULL);
    if (body != NULL) {
        g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
        soup_message_set_request_body_from_bytes(answer.message, "application/json", bytes);
    }
    if (key != NULL)
        soup_message_headers_append(soup_message_get_request_headers(answer.message), "Authorization", key);
    soup_session_send_and_read_async(fixture->session, answer.message, G_PRIORITY_DEFAULT, NULL, on_answer,
                                     &answer);
    g_assert_true(test_wait(is_done, &answer));
    return answer;
}

static void expect(struct fixture *fixture, const char *method, const char *path, const char *body,
                   unsigned status, const char *text)
{
    struct answer answer = request(fixture, method, path, body, NULL);
    g_assert_cmpuint(answer.status, ==, status);
    if (strstr(answer.body, text) == NULL)
        g_error("%s %s: \"%s\" does not hold \"%s\"", method, path, answer.body, text);
    clear_answer(&answer);
}

static void test_routes_and_params(struct fixture *fixture, const void *data)
{
    static const struct {
        const char *path, *params, *body;
    } cases[] = {
        {"/items/7?q=a%20b", "7", "GET:a b"},
        {"/items/a%2Fb%20c", "a/b c", "GET:"},
        {"/items/7/parts/x", "7|x", "GET:"},
        {"/get/live/demo/in", "live/demo/in", "GET:"},
        {"/get/live%2Fdemo%2Fin", "live/demo/in", "GET:"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        expect(fixture, "GET", cases[i].path, NULL, 200, cases[i].body);
        g_assert_cmpstr(fixture->last_params, ==, cases[i].params);
        g_assert_true(fixture->last_loopback);
    }
}

static void test_unknown_paths(struct fixture *fixture, const void *data)
{
    static const char *const paths[] = {"/",     "/items",     "/items/",    "/items/7/", "/items/7/parts",
                                        "/get/", "/items/%00", "/items/%ff", "/nothing",  NULL};
    for (unsigned i = 0; paths[i] != NULL; i++)
        expect(fixture, "GET", paths[i], NULL, 404, "\"code\":\"NOT_FOUND\"");
    g_assert_cmpuint(fixture->calls, ==, 0);
}

static void test_wrong_method_names_the_right_ones(struct fixture *fixture, const void *data)
{
    struct answer answer = request(fixture, "PUT", "/items/7", "{}", NULL);
    g_assert_cmpuint(answer.status, ==, 405);
    SoupMessageHeaders *headers = soup_message_get_response_headers(answer.message);
    g_assert_cmpstr(soup_message_headers_get_one(headers, "Allow"), ==, "GET, DELETE");
    clear_answer(&answer);
    g_assert_cmpuint(fixture->calls, ==, 0);
}

static void test_head_is_get_without_the_body(struct fixture *fixture, const void *data)
{
    struct answer answer = request(fixture, "HEAD", "/items/7", NULL, NULL);
    g_assert_cmpuint(answer.status, ==, 200);
    g_assert_cmpstr(answer.body, ==, "");
    clear_answer(&answer);
    g_assert_cmpuint(fixture->calls, ==, 1);
    expect(fixture, "GET", "/items/7", NULL, 200, "GET:");
}

static void test_json_bodies(struct fixture *fixture, const void *data)
{
    expect(fixture, "POST", "/json", "{\"a\":[1]}", 201, "{\"a\":[1]}");
    expect(fixture, "POST", "/json", "{\"a\":", 400, "invalid JSON: unexpected end at byte 5");
    expect(fixture, "POST", "/json", "", 400, "invalid JSON");
    expect(fixture, "POST", "/json", "[]", 400, "must be a JSON object");
    expect(fixture, "GET", "/fail", NULL, 429, "{\"error\":{\"code\":\"LIMIT\",\"message\":\"no more than 3");
}

static void test_key_is_needed(struct fixture *fixture, const void *data)
{
    static const struct {
        const char *method, *path, *key;
        unsigned status;
    } cases[] = {
        {"GET", "/items/1", NULL, 200},
        {"DELETE", "/items/1", NULL, 401},
        {"DELETE", "/items/1", "s3cret", 401},
        {"DELETE", "/items/1", "Bearer S3cret", 401},
        {"DELETE", "/items/1", "Bearer ", 401},
        {"DELETE", "/items/1", "Bearer s3cret", 200},
        {"DELETE", "/items/1", "bearer s3cret", 200},
        {"GET", "/keyed", NULL, 401},
        {"GET", "/keyed", "Bearer s3cret2", 401},
        {"GET", "/keyed", "Bearer s3cret", 200},
        {"PUT", "/items/1", NULL, 405},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct answer answer = request(fixture, cases[i].method, cases[i].path, NULL, cases[i].key);
        g_assert_cmpuint(answer.status, ==, cases[i].status);
        clear_answer(&answer);
    }
    g_assert_cmpuint(fixture->calls, ==, 4);
    g_assert_false(dub_http_bearer_matches("Bearer x", NULL));
    g_assert_false(dub_http_bearer_matches("Bearer ", ""));
    g_assert_false(dub_http_bearer_matches(NULL, "x"));
}

static void test_without_a_key_loopback_may_write(struct fixture *fixture, const void *data)
{
    expect(fixture, "DELETE", "/items/1", NULL, 200, "DELETE:");
    expect(fixture, "GET", "/keyed", NULL, 200, "GET:");
}

static void test_large_announced_body_is_refused(struct fixture *fixture, const void *data)
{
    g_autofree char *spaces = g_strnfill(1001, ' ');
    g_autofree char *fits = g_strnfill(1000, ' ');
    fits[0] = '{';
    fits[1] = '}';
    expect(fixture, "POST", "/json", fits, 201, "{}");
    expect(fixture, "POST", "/json", spaces, 413, "larger than 1000 bytes");
    g_assert_cmpuint(fixture->calls, ==, 1);
}

struct raw {
    GSocketConnection *connection;
    GString *answer;
    char buffer[4096];
    bool closed;
    const char *until; /* what the wait is for */
};

static void on_raw_read(GObject *source, GAsyncResult *result, void *user)
{
    struct raw *raw = user;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
    if (n <= 0) {
        raw->closed = true;
        return;
    }
    g_string_append_len(raw->answer, raw->buffer, n);
    g_input_stream_read_async(G_INPUT_STREAM(source), raw->buffer, sizeof(raw->buffer), G_PRIORITY_DEFAULT,
                              NULL, on_raw_read, raw);
}

static void raw_open(struct fixture *fixture, struct raw *raw)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    *raw = (struct raw){.answer = g_string_new(NULL)};
    raw->connection = g_socket_client_connect_to_host(
        client, "127.0.0.1", (guint16)dub_http_server_port(fixture->server), NULL, NULL);
    g_assert_nonnull(raw->connection);
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(raw->connection)), raw->buffer,
                              sizeof(raw->buffer), G_PRIORITY_DEFAULT, NULL, on_raw_read, raw);
}

static void raw_write(struct raw *raw, const char *text)
{
    g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(raw->connection)), text, strlen(text),
                              NULL, NULL, NULL);
}

static bool raw_has(void *user)
{
    struct raw *raw = user;
    return strstr(raw->answer->str, raw->until) != NULL;
}

static bool raw_is_closed(void *user)
{
    return ((struct raw *)user)->closed;
}

static void raw_close(struct raw *raw)
{
    g_socket_shutdown(g_socket_connection_get_socket(raw->connection), TRUE, TRUE, NULL);
    g_assert_true(test_wait(raw_is_closed, raw));
    g_object_unref(raw->connection);
    g_string_free(raw->answer, TRUE);
}

/* Ten GiB are announced and never sent: the refusal must come all the same. */
static void test_refusal_does_not_wait_for_the_body(struct fixture *fixture, const void *data)
{
    struct raw raw;
    raw_open(fixture, &raw);
    raw_write(
        &raw,
        "POST /json HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10737418240\r\n\r\n");
    raw.until = "HTTP/1.1 413 ";
    g_assert_true(test_wait(raw_has, &raw));
    g_assert_null(strstr(raw.answer->str, "100 Continue"));
    raw_close(&raw);
    g_assert_cmpuint(fixture->calls, ==, 0);
}

static void test_large_chunked_body_is_refused(struct fixture *fixture, const void *data)
{
    struct raw raw;
    g_autofree char *chunk = g_strnfill(600, ' ');
    raw_open(fixture, &raw);
    raw_write(&raw, "POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 3; i++) {
        raw_write(&raw, "258\r\n");
        raw_write(&raw, chunk);
        raw_write(&raw, "\r\n");
    }
    raw_write(&raw, "0\r\n\r\n");
    raw.until = "HTTP/1.1 413 ";
    g_assert_true(test_wait(raw_has, &raw));
    raw_close(&raw);
    g_assert_cmpuint(fixture->calls, ==, 0);
}

static void test_garbage_does_not_disturb_others(struct fixture *fixture, const void *data)
{
    struct raw raw;
    raw_open(fixture, &raw);
    raw_write(&raw, "\x16\x03\x01 what is this\r\n\r\n");
    expect(fixture, "GET", "/items/1", NULL, 200, "GET:");
    raw_close(&raw);
}

/* What is sent and never finished. */
static void test_slow_clients_are_closed(struct fixture *fixture, const void *data)
{
    static const char *const beginnings[] = {
        "",
        "GET /items/1 HT",
        "GET /items/1 HTTP/1.1\r\nHost: x",
        "POST /json HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
        "POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n", /* answered */
    };
    struct raw raws[G_N_ELEMENTS(beginnings)];
    for (unsigned i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        raw_open(fixture, &raws[i]);
        raw_write(&raws[i], beginnings[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        g_test_message("%s", beginnings[i]);
        g_assert_true(test_wait(raw_is_closed, &raws[i]));
    }
    g_assert_nonnull(strstr(raws[5].answer->str, "200 OK"));
    for (unsigned i = 0; i < G_N_ELEMENTS(beginnings); i++)
        raw_close(&raws[i]);
    g_assert_cmpuint(fixture->calls, ==, 1);
    expect(fixture, "GET", "/items/1", NULL, 200, "GET:");
}

static bool lets_in(void *user)
{
    struct answer answer = request(user, "GET", "/items/1", NULL, NULL);
    bool is_in = answer.status == 200;
    clear_answer(&answer);
    return is_in;
}

/* Two are served, two more are told so, the fifth finds a closed door; health is answered to all that get in.
 */
static void test_too_many_connections(struct fixture *fixture, const void *data)
{
    struct raw raws[5];
    for (unsigned i = 0; i < G_N_ELEMENTS(raws); i++)
        raw_open(fixture, &raws[i]);
    g_assert_true(test_wait(raw_is_closed, &raws[4]));
    raw_write(&raws[2], "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    raws[2].until = "TOO_MANY_CONNECTIONS";
    g_assert_true(test_wait(raw_has, &raws[2]));
    g_assert_nonnull(strstr(raws[2].answer->str, "503 "));
    g_assert_nonnull(strstr(raws[2].answer->str, "Retry-After: 1"));
    g_assert_true(test_wait(raw_is_closed, &raws[2]));
    raw_write(&raws[3], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_write(&raws[1], "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    raws[1].until = raws[3].until = "200 OK";
    g_assert_true(test_wait(raw_has, &raws[3]) && test_wait(raw_has, &raws[1]));
    for (unsigned i = 0; i < G_N_ELEMENTS(raws); i++)
        raw_close(&raws[i]);
    g_assert_true(test_wait(lets_in, fixture));
}

/* Sockets of connections that are there, and of such that are not yet freed. */
static int n_sockets;

static void on_socket_gone(void *data, GObject *where_it_was)
{
    n_sockets--;
}

static void count_socket(SoupServer *soup, SoupServerMessage *message, void *data)
{
    n_sockets++;
    g_object_weak_ref(G_OBJECT(soup_server_message_get_socket(message)), on_socket_gone, NULL);
}

static bool no_sockets(void *user)
{
    return n_sockets == 0;
}

/* Day and night somebody asks for /health: nothing of a connection may stay behind. */
static void test_connections_leave_nothing(struct fixture *fixture, const void *data)
{
    struct raw raw;
    g_signal_connect(dub_http_server_soup(fixture->server), "request-started", G_CALLBACK(count_socket),
                     NULL);
    for (unsigned i = 0; i < 3; i++)
        expect(fixture, "GET", "/items/1", NULL, 200, "GET:");
    /* One that says nothing. */
    raw_open(fixture, &raw);
    raw_close(&raw);
    g_assert_true(test_wait(no_sockets, NULL));
}

/* Headers without end must not be kept without end. */
static void test_endless_headers_are_refused(struct fixture *fixture, const void *data)
{
    struct raw raw;
    g_autofree char *line = g_strnfill(10000, 'a');
    raw_open(fixture, &raw);
    raw_write(&raw, "GET /items/1 HTTP/1.1\r\nHost: x\r\n");
    for (unsigned i = 0; i < 100 && !raw.closed; i++) {
        raw_write(&raw, "X-");
        raw_write(&raw, line);
        raw_write(&raw, ": 1\r\n");
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_true(test_wait(raw_is_closed, &raw));
    raw_close(&raw);
    g_assert_cmpuint(fixture->calls, ==, 0);
}

static void test_busy_port_is_named(struct fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    g_autofree char *address = g_strdup_printf("127.0.0.1:%u", dub_http_server_port(fixture->server));
    g_assert_null(dub_http_server_new(&(struct dub_http_config){.address = address}, routes, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_true(g_str_has_prefix(error.message, address));
    g_assert_nonnull(strstr(error.message, "in use by another program"));
}

static void test_bad_addresses_are_named(void)
{
    static const char *const addresses[] = {"nowhere", "203.0.113.1:0", "name.invalid:0", NULL};
    for (unsigned i = 0; addresses[i] != NULL; i++) {
        struct dub_error error = {0};
        g_assert_null(
            dub_http_server_new(&(struct dub_http_config){.address = addresses[i]}, routes, NULL, &error));
        g_assert_nonnull(strstr(error.message, addresses[i]));
    }
}

static void test_all_interfaces(void)
{
    struct fixture fixture = {0};
    set_up_with(&fixture, &(struct dub_http_config){.address = ":0"});
    expect(&fixture, "GET", "/items/1", NULL, 200, "GET:");
    tear_down(&fixture, NULL);
    set_up_with(&fixture, &(struct dub_http_config){.address = "localhost:0"});
    tear_down(&fixture, NULL);
    dub_http_server_free(NULL);
}

static char *short_error(unsigned status, const char *code, const char *message)
{
    return g_strdup_printf("{\"status\":%u}", status);
}

static void test_who_is_not_admitted_is_not_handled(struct fixture *fixture, const void *data)
{
    expect(fixture, "GET", "/items/live", NULL, 200, "");
    expect(fixture, "GET", "/items/other", NULL, 401, "not you");
    expect(fixture, "GET", "/nothing", NULL, 401, "not you");
    expect(fixture, "PUT", "/items/other", NULL, 401, "not you");
    expect(fixture, "GET", "/nothing/live", NULL, 404, "");
    g_assert_cmpstr(fixture->last_params, ==, "live");
}

static void test_loopback_addresses(void)
{
    static const struct {
        const char *text;
        bool is_loopback;
    } cases[] = {{"127.0.0.1", true},         {"127.8.9.10", true},       {"::1", true},
                 {"::ffff:127.0.0.1", true},  {"::ffff:127.1.2.3", true}, {"::ffff:10.0.0.1", false},
                 {"10.0.0.1", false},         {"::127.0.0.1", false},     {"::2", false},
                 {"1::ffff:127.0.0.1", false}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GInetAddress) address = g_inet_address_new_from_string(cases[i].text);
        if (dub_http_is_loopback(address) != cases[i].is_loopback)
            g_error("%s", cases[i].text);
    }
}

static void test_own_shape_of_errors(void)
{
    struct fixture fixture = {0};
    set_up_with(&fixture, &(struct dub_http_config){.address = "127.0.0.1:0", .format_error = short_error});
    expect(&fixture, "GET", "/nothing", NULL, 404, "{\"status\":404}");
    tear_down(&fixture, NULL);
}

static void test_tls_needs_good_files(void)
{
    static const struct {
        const char *cert, *key, *why;
    } cases[] = {{"/nonexistent.pem", "/nonexistent.key", "/nonexistent.pem"},
                 {"/nonexistent.pem", "", "both a certificate and a key"},
                 {NULL, "/nonexistent.key", "both a certificate and a key"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        g_assert_null(dub_http_server_new(&(struct dub_http_config){.address = "127.0.0.1:0",
                                                                    .tls_cert = cases[i].cert,
                                                                    .tls_key = cases[i].key},
                                          routes, NULL, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(error.message, cases[i].why));
    }
}

static bool make_certificate(const char *cert, const char *key)
{
    g_autofree char *command =
        g_strdup_printf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                        "-subj /CN=localhost -days 2 -keyout %s -out %s",
                        key, cert);
    g_autofree char *out = NULL, *err = NULL;
    int status = -1;
    return g_spawn_command_line_sync(command, &out, &err, &status, NULL) &&
           g_spawn_check_wait_status(status, NULL);
}

static void check_tls(void)
{
    struct fixture fixture = {0};
    char *dir = test_directory_new();
    g_autofree char *cert = g_build_filename(dir, "cert.pem", NULL);
    g_autofree char *key = g_build_filename(dir, "key.pem", NULL);
    g_assert_true(make_certificate(cert, key));
    set_up_with(&fixture,
                &(struct dub_http_config){
                    .address = "127.0.0.1:0", .tls_cert = cert, .tls_key = key, .request_timeout_ms = 8000});
    expect(&fixture, "GET", "/items/1", NULL, 200, "GET:");
    /* One that never begins the TLS handshake. */
    struct raw raw;
    raw_open(&fixture, &raw);
    g_assert_true(test_wait(raw_is_closed, &raw));
    raw_close(&raw);
    tear_down(&fixture, NULL);
    test_directory_remove(dir);
}

/* In a process of its own, because LeakSanitizer crashes on the thread-local data of a TLS backend that was
 * loaded later; leaks of the server are looked for in all other tests. */
static void test_tls_works(void)
{
    if (g_test_subprocess()) {
        check_tls();
        return;
    }
    g_autofree char *openssl = g_find_program_in_path("openssl");
    if (openssl == NULL || !g_tls_backend_supports_tls(g_tls_backend_get_default())) {
        g_test_skip("needs the openssl program and GLib's TLS backend");
        return;
    }
    g_autofree char *options = g_strdup(g_getenv("ASAN_OPTIONS"));
    g_setenv("ASAN_OPTIONS", "detect_leaks=0", TRUE);
    g_test_trap_subprocess(NULL, 0, 0);
    g_setenv("ASAN_OPTIONS", options != NULL ? options : "", TRUE);
    g_test_trap_assert_passed();
}

#define ADD(name, function) g_test_add("/http/" name, struct fixture, NULL, set_up, function, tear_down)

/* The server does not run meanwhile: what connects is waiting in its backlog. */
static void test_many_may_wait_to_be_accepted(void)
{
    enum { MANY = 64 };
    struct fixture fixture = {0};
    int sockets[MANY];
    set_up(&fixture, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)dub_http_server_port(fixture.server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (unsigned i = 0; i < MANY; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(sockets[i], (struct sockaddr *)&address, sizeof(address));
    }
    for (unsigned i = 0; i < MANY; i++) {
        g_assert_cmpint(poll(&(struct pollfd){.fd = sockets[i], .events = POLLOUT}, 1, 500), ==, 1);
        close(sockets[i]);
    }
    tear_down(&fixture, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("routes-and-params", test_routes_and_params);
    ADD("unknown-paths", test_unknown_paths);
    ADD("wrong-method-names-the-right-ones", test_wrong_method_names_the_right_ones);
    ADD("head-is-get-without-the-body", test_head_is_get_without_the_body);
    ADD("json-bodies", test_json_bodies);
    ADD("without-a-key-loopback-may-write", test_without_a_key_loopback_may_write);
    ADD("large-announced-body-is-refused", test_large_announced_body_is_refused);
    ADD("refusal-does-not-wait-for-the-body", test_refusal_does_not_wait_for_the_body);
    ADD("large-chunked-body-is-refused", test_large_chunked_body_is_refused);
    ADD("garbage-does-not-disturb-others", test_garbage_does_not_disturb_others);
    ADD("busy-port-is-named", test_busy_port_is_named);
    ADD("endless-headers-are-refused", test_endless_headers_are_refused);
    ADD("connections-leave-nothing", test_connections_leave_nothing);
    g_test_add("/http/slow-clients-are-closed", struct fixture, NULL, set_up_guarded,
               test_slow_clients_are_closed, tear_down);
    g_test_add("/http/too-many-connections", struct fixture, NULL, set_up_small, test_too_many_connections,
               tear_down);
    g_test_add("/http/key-is-needed", struct fixture, NULL, set_up_with_key, test_key_is_needed, tear_down);
    g_test_add_func("/http/bad-addresses-are-named", test_bad_addresses_are_named);
    g_test_add_func("/http/all-interfaces", test_all_interfaces);
    g_test_add_func("/http/many-may-wait-to-be-accepted", test_many_may_wait_to_be_accepted);
    g_test_add_func("/http/loopback-addresses", test_loopback_addresses);
    g_test_add("/http/who-is-not-admitted-is-not-handled", struct fixture, NULL, set_up_admitting,
               test_who_is_not_admitted_is_not_handled, tear_down);
    g_test_add_func("/http/own-shape-of-errors", test_own_shape_of_errors);
    g_test_add_func("/http/tls-needs-good-files", test_tls_needs_good_files);
    g_test_add_func("/http/tls-works", test_tls_works);
    return g_test_run();
}
