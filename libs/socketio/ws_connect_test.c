/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers whose answer opens no WebSocket. What one that does is good for is in the client's tests. */
#include "ws_connect.h"

#include "test_peer.h"

#include <string.h>

struct attempt {
    bool done;
    GIOStream *stream;
    GError *error;
};

static void on_done(GObject *source, GAsyncResult *result, void *user)
{
    struct attempt *attempt = user;
    attempt->stream = ws_connect_finish(result, &attempt->error);
    attempt->done = true;
}

static void attempt_clear(struct attempt *attempt)
{
    g_clear_object(&attempt->stream);
    g_clear_error(&attempt->error);
}

static void connect_to(unsigned port, const char *const *headers, struct attempt *attempt)
{
    g_autofree char *url = g_strdup_printf("ws://127.0.0.1:%u/path?query", port);
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    *attempt = (struct attempt){0};
    ws_connect_async(uri, headers, NULL, NULL, on_done, attempt);
    WAIT_FOR(attempt->done);
}

static void test_answers_that_open_nothing(void)
{
    static const struct {
        const char *answer, *why;
    } cases[] = {
        {NULL, "closed without an answer"},
        {"SSH-2.0-x\r\n\r\n", "no HTTP"},
        {"HTTP/1.1 401 Unauthorized\r\nX: y\r\n\r\n", "HTTP 401 Unauthorized"},
        {"HTTP/1.1 200 OK\r\n\r\n", "HTTP 200 OK"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "no WebSocket handshake"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
         "no WebSocket handshake"},
        {"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
         "no WebSocket handshake"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: %s\r\n\r\n",
         "no WebSocket handshake"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
         "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         "not offered"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
         "Sec-WebSocket-Protocol: chat\r\n\r\n",
         "not offered"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct test_tcp server = {.answer = cases[i].answer};
        struct attempt attempt;
        test_tcp_start(&server);
        connect_to(server.port, NULL, &attempt);
        g_assert_null(attempt.stream);
        g_test_message("%s", attempt.error->message);
        g_assert_nonnull(strstr(attempt.error->message, cases[i].why));
        attempt_clear(&attempt);
        test_tcp_stop(&server);
    }
}

static void test_a_head_without_an_end_is_refused(void)
{
    static const char line[] = "X-Header: more and more\r\n";
    struct test_tcp server = {.answer = "HTTP/1.1 101 x\r\n", .flood = line, .flood_bytes = sizeof line - 1};
    struct attempt attempt;
    test_tcp_start(&server);
    connect_to(server.port, NULL, &attempt);
    g_assert_nonnull(strstr(attempt.error->message, "has no end"));
    attempt_clear(&attempt);
    test_tcp_stop(&server);
    g_assert_cmpuint(server.n_flooded, <, TEST_FLOOD_BYTES_MAX);
}

/* The first frame may stand right behind the head. */
static void test_what_follows_the_answer_is_left_in_the_stream(void)
{
    struct test_tcp server = {.answer = TEST_SWITCHING "first frame"};
    static const char *const headers[] = {"X-Stream-ID", "news", NULL};
    struct attempt attempt;
    char text[12] = "";
    test_tcp_start(&server);
    connect_to(server.port, headers, &attempt);
    g_assert_no_error(attempt.error);
    g_assert_true(
        g_input_stream_read_all(g_io_stream_get_input_stream(attempt.stream), text, 11, NULL, NULL, NULL));
    g_assert_cmpstr(text, ==, "first frame");
    attempt_clear(&attempt);
    test_tcp_stop(&server);
}

static void test_a_header_with_a_line_break_is_refused(void)
{
    static const char *const bad[][3] = {{"X-A", "b\r\nX-C: d", NULL}, {"X-A: b\nX-C", "d", NULL}};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct attempt attempt;
        connect_to(1, bad[i], &attempt);
        g_assert_error(attempt.error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
        attempt_clear(&attempt);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ws-connect/answers-that-open-nothing", test_answers_that_open_nothing);
    g_test_add_func("/ws-connect/a-head-without-an-end-is-refused", test_a_head_without_an_end_is_refused);
    g_test_add_func("/ws-connect/what-follows-the-answer-is-left-in-the-stream",
                    test_what_follows_the_answer_is_left_in_the_stream);
    g_test_add_func("/ws-connect/a-header-with-a-line-break-is-refused",
                    test_a_header_with_a_line_break_is_refused);
    return g_test_run();
}
