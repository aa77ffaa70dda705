/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "input.h"

#include <dubbing_clock.h>
#include <string.h>
#include <tests/rtmp_test_listener.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* Server and input are moved by the same thread; what the input says is written down. */
struct fixture {
    struct rtmp_test_listener listener;
    struct input *input;
    GString *said;
};

static void on_up(void *user)
{
    g_string_append(((struct fixture *)user)->said, "up ");
}

static void on_message(const struct rtmp_message *message, void *user)
{
    g_string_append_printf(((struct fixture *)user)->said, "%u@%u ", message->type, message->timestamp_ms);
}

static void on_down(void *user)
{
    g_string_append(((struct fixture *)user)->said, "down ");
}

static void on_given_up(bool came, void *user)
{
    struct fixture *fixture = user;
    g_string_append(fixture->said, came ? "given-up " : "never-came ");
    g_clear_pointer(&fixture->input, input_free); /* as its owner may */
}

static void begin(struct fixture *fixture, int64_t grace_ns)
{
    static const struct input_events events = {on_up, on_message, on_down, on_given_up};
    fixture->input = input_new(fixture->listener.url, grace_ns, &events, fixture);
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    rtmp_test_listener_init(&fixture->listener);
    fixture->said = g_string_new("");
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    input_free(fixture->input);
    rtmp_test_listener_clear(&fixture->listener);
    g_string_free(fixture->said, TRUE);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void turn_until_said(struct fixture *fixture, const char *what)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
    while (!g_str_has_suffix(fixture->said->str, what)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        rtmp_test_listener_turn(&fixture->listener);
        g_main_context_iteration(NULL, FALSE);
    }
}

static void play(struct fixture *fixture, uint8_t type, uint32_t timestamp_ms)
{
    rtmp_test_server_send(&fixture->listener.server, type, timestamp_ms, "\x17", 1);
}

static void turn_until_played(struct fixture *fixture)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_US;
    while (strstr(fixture->listener.server.heard->str, "play") == NULL) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        rtmp_test_listener_turn(&fixture->listener);
        g_main_context_iteration(NULL, FALSE);
    }
}

static void test_everything_is_handed_out(struct fixture *fixture, gconstpointer data)
{
    struct input_facts facts;
    begin(fixture, DUB_NS_PER_S);
    turn_until_played(fixture);
    g_assert_cmpstr(fixture->said->str, ==, "");
    play(fixture, RTMP_DATA_AMF0, 0);
    play(fixture, RTMP_VIDEO, 40);
    play(fixture, RTMP_AUDIO, 45);
    turn_until_said(fixture, "8@45 ");
    g_assert_cmpstr(fixture->said->str, ==, "up 18@0 9@40 8@45 ");
    input_get_facts(fixture->input, &facts);
    g_assert_true(facts.connected);
    g_assert_cmpint(facts.bytes, ==, 3);
    g_assert_cmpint(facts.reconnects, ==, 0);
}

static void test_the_end_is_waited_out(struct fixture *fixture, gconstpointer data)
{
    struct input_facts facts;
    begin(fixture, 60 * DUB_NS_PER_S);
    turn_until_played(fixture);
    play(fixture, RTMP_VIDEO, 40);
    rtmp_send_user_control(&fixture->listener.server.writer, RTMP_STREAM_EOF, 7);
    turn_until_said(fixture, "down ");
    rtmp_test_listener_again(&fixture->listener);
    turn_until_played(fixture);
    play(fixture, RTMP_VIDEO, 0);
    turn_until_said(fixture, "9@0 ");
    g_assert_cmpstr(fixture->said->str, ==, "up 9@40 down up 9@0 ");
    input_get_facts(fixture->input, &facts);
    g_assert_cmpint(facts.reconnects, ==, 1);
}

static void test_given_up_after_the_grace(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, 0);
    input_watch(fixture->input, INT64_MAX); /* not connected yet: that has a time of its own */
    g_assert_cmpstr(fixture->said->str, ==, "");
    turn_until_played(fixture);
    if (data)
        play(fixture, RTMP_VIDEO, 40);
    rtmp_send_user_control(&fixture->listener.server.writer, RTMP_STREAM_EOF, 7);
    turn_until_said(fixture, data ? "given-up " : "never-came ");
    g_assert_cmpstr(fixture->said->str, ==, data ? "up 9@40 down given-up " : "never-came ");
}

/* A server that keeps the connection of a publisher that is gone. */
static void test_silence_is_a_loss(struct fixture *fixture, gconstpointer data)
{
    begin(fixture, 60 * DUB_NS_PER_S);
    turn_until_played(fixture);
    play(fixture, RTMP_VIDEO, 40);
    turn_until_said(fixture, "9@40 ");
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    input_watch(fixture->input, now_ns + (INPUT_PATIENCE_S - 1) * DUB_NS_PER_S);
    g_assert_cmpstr(fixture->said->str, ==, "up 9@40 ");
    input_watch(fixture->input, now_ns + (INPUT_PATIENCE_S + 1) * DUB_NS_PER_S);
    g_assert_cmpstr(fixture->said->str, ==, "up 9@40 down ");
    input_watch(fixture->input, INT64_MAX);
    g_assert_cmpstr(fixture->said->str, ==, "up 9@40 down ");
    rtmp_test_listener_again(&fixture->listener);
    turn_until_played(fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, data, function)                                                                            \
    g_test_add("/egress-input/" name, struct fixture, data, setup, function, teardown)
    ADD("everything-is-handed-out", NULL, test_everything_is_handed_out);
    ADD("the-end-is-waited-out", NULL, test_the_end_is_waited_out);
    ADD("given-up-after-the-grace", "came", test_given_up_after_the_grace);
    ADD("given-up-when-it-never-came", NULL, test_given_up_after_the_grace);
    ADD("silence-is-a-loss", NULL, test_silence_is_a_loss);
    return g_test_run();
}
