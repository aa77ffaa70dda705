/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dest.h"

#include <dubbing_clock.h>
#include <string.h>
#include <tests/rtmp_test_listener.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* Server and destination are moved by the same thread; what the destination says is written down. */
struct fixture {
    struct rtmp_test_listener listener;
    struct dest *dest;
    GString *said;
};

static void on_up(void *user)
{
    g_string_append(((struct fixture *)user)->said, "up ");
}

static void on_lost(const char *reason, void *user)
{
    struct fixture *fixture = user;
    g_string_append_printf(fixture->said, "lost: %s", reason);
    g_clear_pointer(&fixture->dest, dest_free); /* as its owner may */
}

static void on_finished(void *user)
{
    struct fixture *fixture = user;
    g_string_append(fixture->said, "finished");
    g_clear_pointer(&fixture->dest, dest_free);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    static const struct dest_events events = {on_up, on_lost, on_finished};
    memset(fixture, 0, sizeof *fixture);
    rtmp_test_listener_init(&fixture->listener);
    fixture->said = g_string_new("");
    fixture->dest = dest_new(fixture->listener.url, &events, fixture);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    dest_free(fixture->dest);
    rtmp_test_listener_clear(&fixture->listener);
    g_string_free(fixture->said, TRUE);
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

static bool is_published(const struct fixture *fixture)
{
    return strstr(fixture->listener.server.heard->str, "publish ") != NULL;
}

static void push(struct fixture *fixture, size_t size)
{
    g_autoptr(GBytes) body = g_bytes_new_take(g_malloc0(size), size);
    struct rtmp_message message = {.type = RTMP_VIDEO, .payload = body};
    dest_push(fixture->dest, &message);
}

static guint n_received(struct fixture *fixture)
{
    return g_queue_get_length(&fixture->listener.server.messages);
}

static int64_t after_s(int seconds)
{
    return dub_clock_now_ns(dub_clock_monotonic()) + seconds * DUB_NS_PER_S;
}

/* A server that lets us publish, and had its ping answered, has taken nothing yet. */
static void test_up_when_something_is_taken(struct fixture *fixture, gconstpointer data)
{
    TURN_UNTIL(fixture, is_published(fixture));
    rtmp_send_user_control(&fixture->listener.server.writer, RTMP_PING_REQUEST, 1);
    TURN_UNTIL(fixture, dest_bytes(fixture->dest) > 0);
    turn(fixture);
    g_assert_cmpstr(fixture->said->str, ==, "");
    push(fixture, 1000);
    TURN_UNTIL(fixture, n_received(fixture) == 1);
    g_assert_cmpstr(fixture->said->str, ==, "up ");
    g_assert_cmpint(dest_bytes(fixture->dest), >=, 1000);
    g_assert_cmpint(dest_bytes(fixture->dest), <, 2000);
    g_assert_cmpint(dest_backlog_bytes(fixture->dest), ==, 0);
    push(fixture, 1000);
    TURN_UNTIL(fixture, n_received(fixture) == 2);
    g_assert_cmpstr(fixture->said->str, ==, "up ");
}

static void test_what_came_before_it_was_there_is_sent(struct fixture *fixture, gconstpointer data)
{
    push(fixture, 1000);
    push(fixture, 1000);
    g_assert_cmpint(dest_backlog_bytes(fixture->dest), >=, 2000);
    g_assert_cmpint(dest_bytes(fixture->dest), ==, 0);
    TURN_UNTIL(fixture, n_received(fixture) == 2 && fixture->said->len > 0);
    g_assert_cmpstr(fixture->said->str, ==, "up ");
}

static void test_one_that_does_not_read_is_left(struct fixture *fixture, gconstpointer data)
{
    push(fixture, 1000);
    TURN_UNTIL(fixture, n_received(fixture) == 1);
    dest_watch(fixture->dest, after_s(DEST_PATIENCE_S + 1)); /* nothing waits for it */
    g_assert_cmpstr(fixture->said->str, ==, "up ");
    fixture->listener.is_stalled = true;
    for (unsigned i = 0; i < 300; i++)
        push(fixture, 100000);
    turn(fixture);
    g_assert_cmpint(dest_backlog_bytes(fixture->dest), >, 1 << 20);
    dest_watch(fixture->dest, after_s(DEST_PATIENCE_S - 1));
    g_assert_cmpstr(fixture->said->str, ==, "up ");
    dest_watch(fixture->dest, after_s(DEST_PATIENCE_S + 1));
    g_assert_cmpstr(fixture->said->str, ==, "up lost: it does not read any more");
}

static void test_one_that_does_not_answer_is_left(struct fixture *fixture, gconstpointer data)
{
    fixture->listener.server.is_silent = true;
    push(fixture, 1000);
    TURN_UNTIL(fixture, fixture->listener.server.heard->len > 0);
    dest_watch(fixture->dest, after_s(DEST_PATIENCE_S + 1));
    g_assert_cmpstr(fixture->said->str, ==, "lost: it does not answer");
}

static void test_one_that_refuses_says_why(struct fixture *fixture, gconstpointer data)
{
    fixture->listener.server.refuses = "publish";
    fixture->listener.server.code = "NetStream.Publish.BadName";
    push(fixture, 1000);
    TURN_UNTIL(fixture, fixture->said->len > 0);
    g_assert_cmpstr(fixture->said->str, ==, "lost: the server says NetStream.Publish.BadName: not for you");
}

static void test_finishes_in_order(struct fixture *fixture, gconstpointer data)
{
    for (unsigned i = 0; i < 50; i++)
        push(fixture, 100000);
    dest_finish(fixture->dest);
    TURN_UNTIL(fixture, fixture->listener.client_closed);
    rtmp_test_listener_close_peer(&fixture->listener);
    TURN_UNTIL(fixture, fixture->dest == NULL);
    g_assert_cmpstr(fixture->said->str, ==, "up finished");
    g_assert_cmpuint(n_received(fixture), ==, 50);
    g_assert_true(g_str_has_suffix(fixture->listener.server.heard->str, "deleteStream "));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/egress-dest/" name, struct fixture, NULL, setup, function, teardown)
    ADD("up-when-something-is-taken", test_up_when_something_is_taken);
    ADD("what-came-before-it-was-there-is-sent", test_what_came_before_it_was_there_is_sent);
    ADD("one-that-does-not-read-is-left", test_one_that_does_not_read_is_left);
    ADD("one-that-does-not-answer-is-left", test_one_that_does_not_answer_is_left);
    ADD("one-that-refuses-says-why", test_one_that_refuses_says_why);
    ADD("finishes-in-order", test_finishes_in_order);
    return g_test_run();
}
