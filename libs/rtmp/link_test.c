/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_link.h"
#include "tests/rtmp_test_listener.h"

#include <string.h>
#include <unistd.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* Server and context are moved by the same thread. */
struct fixture {
    struct rtmp_test_listener listener;
    struct rtmp_link *link;
    bool is_ready, has_ended;
    char *failure;
    unsigned n_played, n_data;
    size_t written_bytes;
};

static void on_ready(void *user)
{
    ((struct fixture *)user)->is_ready = true;
}

static void on_media(const struct rtmp_message *message, void *user)
{
    ((struct fixture *)user)->n_played++;
}

static void on_data(const struct rtmp_message *message, void *user)
{
    g_assert_cmpint(message->type, ==, RTMP_DATA_AMF0);
    ((struct fixture *)user)->n_data++;
}

static void on_written(size_t bytes, void *user)
{
    ((struct fixture *)user)->written_bytes += bytes;
}

static void on_ended(void *user)
{
    struct fixture *fixture = user;
    g_assert_false(fixture->has_ended || fixture->failure);
    fixture->has_ended = true;
    g_clear_pointer(&fixture->link, rtmp_link_free); /* as an owner may */
}

static void on_failed(const char *reason, void *user)
{
    struct fixture *fixture = user;
    g_assert_false(fixture->has_ended || fixture->failure);
    g_clear_pointer(&fixture->link, rtmp_link_free);
    fixture->failure = g_strdup(reason);
}

static void begin(struct fixture *fixture, enum rtmp_client_role role)
{
    static const struct rtmp_link_events events = {on_ready,   on_media, on_data,
                                                   on_written, on_ended, on_failed};
    fixture->link = rtmp_link_new(NULL, fixture->listener.url, role, &events, fixture, NULL);
    g_assert_nonnull(fixture->link);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    rtmp_test_listener_init(&fixture->listener);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    g_assert_false(fixture->listener.server.broken);
    rtmp_link_free(fixture->link);
    rtmp_test_listener_clear(&fixture->listener);
    g_free(fixture->failure);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void turn(struct fixture *fixture)
{
    rtmp_test_listener_turn(&fixture->listener);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

#define TURN_UNTIL(fixture, condition)                                                                       \
    do {                                                                                                     \
        gint64 deadline = g_get_monotonic_time() + DEADLINE_US;                                              \
        while (!(condition) && g_get_monotonic_time() < deadline)                                            \
            turn(fixture);                                                                                   \
        if (!(condition))                                                                                    \
            g_error("line %d: waited in vain for " #condition, __LINE__);                                    \
    } while (0)

static void send_bytes(struct fixture *fixture, size_t size)
{
    g_autoptr(GBytes) body = g_bytes_new_take(g_malloc0(size), size);
    rtmp_link_send(fixture->link, RTMP_VIDEO, 0, body);
}

static void test_plays_to_the_end(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, RTMP_CLIENT_PLAYER);
    TURN_UNTIL(fixture, fixture->is_ready);
    for (unsigned i = 0; i < 100; i++)
        rtmp_test_server_send(&fixture->listener.server, RTMP_VIDEO, i, "\x17", 1);
    rtmp_test_server_send(&fixture->listener.server, RTMP_DATA_AMF0, 100, "\2\0\0", 3);
    rtmp_send_user_control(&fixture->listener.server.writer, RTMP_STREAM_EOF, 7);
    TURN_UNTIL(fixture, fixture->has_ended);
    g_assert_cmpuint(fixture->n_played, ==, 100);
    g_assert_cmpuint(fixture->n_data, ==, 1);
}

/* Everything arrives before the connection ends, and each byte is counted once. */
static void test_publishes_to_the_end(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    for (unsigned i = 0; i < 50; i++)
        send_bytes(fixture, 100000);
    rtmp_link_finish(fixture->link);
    TURN_UNTIL(fixture, fixture->listener.client_closed);
    g_assert_false(fixture->has_ended); /* the server may still read */
    rtmp_test_listener_close_peer(&fixture->listener);
    TURN_UNTIL(fixture, fixture->has_ended);
    g_assert_cmpuint(g_queue_get_length(&fixture->listener.server.messages), ==, 50);
    g_assert_true(g_str_has_suffix(fixture->listener.server.heard->str, "FCUnpublish deleteStream "));
    g_assert_cmpuint(fixture->written_bytes, >, 50 * 100000);
    g_assert_cmpuint(fixture->written_bytes, <, 50 * 100000 + 10000);
}

/* A server that never closes is not waited for. */
static void test_server_stays(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    TURN_UNTIL(fixture, fixture->is_ready);
    rtmp_link_finish(fixture->link);
    turn(fixture);
    while (!fixture->has_ended)
        g_main_context_iteration(NULL, TRUE);
}

static void test_a_full_socket_waits(struct fixture *fixture, gconstpointer data)
{
    size_t pending_bytes;
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    TURN_UNTIL(fixture, fixture->is_ready);
    fixture->listener.is_stalled = true;
    for (unsigned i = 0; i < 300; i++) {
        send_bytes(fixture, 100000);
        rtmp_link_flush(fixture->link);
    }
    pending_bytes = rtmp_link_pending(fixture->link);
    g_assert_cmpuint(pending_bytes, >, 0);
    turn(fixture); /* nothing moves, and nothing breaks */
    fixture->listener.is_stalled = false;
    TURN_UNTIL(fixture, g_queue_get_length(&fixture->listener.server.messages) == 300);
    g_assert_cmpuint(rtmp_link_pending(fixture->link), ==, 0);
    g_assert_null(fixture->failure);
}

static void test_no_server(struct fixture *fixture, gconstpointer data)
{
    close(fixture->listener.listener);
    fixture->listener.listener = -1;
    begin(fixture, RTMP_CLIENT_PLAYER);
    TURN_UNTIL(fixture, fixture->failure);
    g_assert_true(strstr(fixture->failure, "refused") != NULL);
}

static void test_server_closes(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, RTMP_CLIENT_PLAYER);
    TURN_UNTIL(fixture, fixture->is_ready);
    rtmp_test_listener_close_peer(&fixture->listener);
    TURN_UNTIL(fixture, fixture->failure);
    g_assert_cmpstr(fixture->failure, ==, "the server closed the connection");
}

/* With bytes that it has not read: the connection is reset under the publisher. */
static void test_server_resets(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    TURN_UNTIL(fixture, fixture->is_ready);
    fixture->listener.is_stalled = true;
    for (unsigned i = 0; i < 300; i++)
        send_bytes(fixture, 100000);
    rtmp_link_flush(fixture->link);
    rtmp_test_listener_close_peer(&fixture->listener);
    TURN_UNTIL(fixture, fixture->failure);
}

static void test_server_is_silent(struct fixture *fixture, gconstpointer data)
{
    fixture->listener.server.is_silent = true;
    begin(fixture, RTMP_CLIENT_PLAYER);
    TURN_UNTIL(fixture, fixture->listener.server.heard->len > 0);
    while (!fixture->failure)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(fixture->failure, ==, "the server does not answer");
}

static void test_refused(struct fixture *fixture, gconstpointer data)
{
    fixture->listener.server.refuses = "publish";
    fixture->listener.server.code = "NetStream.Publish.BadName";
    begin(fixture, RTMP_CLIENT_PUBLISHER);
    TURN_UNTIL(fixture, fixture->failure);
    g_assert_true(strstr(fixture->failure, "NetStream.Publish.BadName") != NULL);
}

/* At any moment, with everything under way. */
static void test_freed_at_any_time(struct fixture *fixture, gconstpointer data)
{
    for (unsigned n_turns = 0; n_turns < 12; n_turns++) {
        begin(fixture, RTMP_CLIENT_PUBLISHER);
        send_bytes(fixture, 100000);
        for (unsigned i = 0; i < n_turns; i++)
            turn(fixture);
        g_clear_pointer(&fixture->link, rtmp_link_free);
        rtmp_test_listener_again(&fixture->listener);
    }
    g_assert_false(fixture->has_ended);
    g_assert_null(fixture->failure);
}

/* In a context that is thrown away at once: nothing of the attempt is left. */
static void test_stopped_while_connecting(struct fixture *fixture, gconstpointer data)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_main_context_push_thread_default(context);
    fixture->link = rtmp_link_new(context, fixture->listener.url, RTMP_CLIENT_PLAYER,
                                  &(struct rtmp_link_events){.on_failed = on_failed}, fixture, NULL);
    g_main_context_iteration(context, FALSE);
    g_assert_false(rtmp_link_stop(fixture->link));
    while (!rtmp_link_stop(fixture->link))
        g_main_context_iteration(context, TRUE);
    g_clear_pointer(&fixture->link, rtmp_link_free);
    g_main_context_pop_thread_default(context);
    g_assert_null(fixture->failure);
}

static void test_bad_url(struct fixture *fixture, gconstpointer data)
{
    struct dub_error error = {0};
    g_assert_null(
        rtmp_link_new(NULL, "rtmp://host", RTMP_CLIENT_PLAYER, &(struct rtmp_link_events){0}, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/rtmp/link/" name, struct fixture, NULL, setup, function, teardown)
    ADD("plays-to-the-end", test_plays_to_the_end);
    ADD("publishes-to-the-end", test_publishes_to_the_end);
    ADD("server-stays", test_server_stays);
    ADD("a-full-socket-waits", test_a_full_socket_waits);
    ADD("no-server", test_no_server);
    ADD("server-closes", test_server_closes);
    ADD("server-resets", test_server_resets);
    ADD("server-is-silent", test_server_is_silent);
    ADD("refused", test_refused);
    ADD("freed-at-any-time", test_freed_at_any_time);
    ADD("stopped-while-connecting", test_stopped_while_connecting);
    ADD("bad-url", test_bad_url);
    return g_test_run();
}
