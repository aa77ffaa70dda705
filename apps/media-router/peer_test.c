/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A protocol that answers each byte with the same byte, on a socket pair with a fake clock. */
#include "peer_server.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

struct echo {
    struct peer peer;
    struct router_publisher publisher;
    struct router_reader reader;
    GByteArray *out;
    bool holds_next; /* the next bytes are a wrong password */
    bool is_unread;  /* its answers are not fetched */
    unsigned n_resumed, n_detached;
    bool *freed;
};

struct fixture {
    struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct dub_fake_clock clock;
    struct peer_server server;
    struct echo *echo;
    bool freed;
    int fd; /* the client's */
};

static struct echo *of(const struct peer *peer)
{
    return (struct echo *)(uintptr_t)peer;
}

static bool receive(struct peer *peer, const uint8_t *data, size_t size, struct dub_error *error)
{
    struct echo *echo = of(peer);
    if (size > 0 && data[0] == '!')
        return dub_error_set(error, DUB_ERROR_PROTOCOL, "an exclamation mark");
    g_byte_array_append(echo->out, data, (guint)size);
    if (echo->holds_next)
        peer_hold(peer);
    echo->holds_next = false;
    return true;
}

static bool resume(struct peer *peer, struct dub_error *error)
{
    of(peer)->n_resumed++;
    return true;
}

static bool fetches_answers(const struct peer *peer)
{
    return !of(peer)->is_unread;
}

static void encode(struct peer *peer, size_t up_to_bytes)
{
}

static size_t pending(const struct peer *peer)
{
    return of(peer)->out->len;
}

static unsigned peek(struct peer *peer, struct iovec *iov, unsigned max)
{
    iov[0] = (struct iovec){of(peer)->out->data, of(peer)->out->len};
    return 1;
}

static void advance(struct peer *peer, size_t bytes)
{
    g_byte_array_remove_range(of(peer)->out, 0, (guint)bytes);
}

static bool is_talking(const struct peer *peer)
{
    return false;
}

static const char *passed_silence(const struct peer *peer, int64_t now_ns)
{
    return now_ns - peer->last_read_ns > 3600 * DUB_NS_PER_S ? "it says nothing" : NULL;
}

static void detach(struct peer *peer)
{
    of(peer)->n_detached++;
}

static void free_echo(struct peer *peer)
{
    struct echo *echo = of(peer);
    *echo->freed = true;
    g_byte_array_unref(echo->out);
    peer_clear(peer);
    g_free(echo);
}

static const struct peer_ops ops = {.protocol = "echo",
                                    .receive = receive,
                                    .fetches_answers = fetches_answers,
                                    .resume = resume,
                                    .encode = encode,
                                    .pending = pending,
                                    .peek = peek,
                                    .advance = advance,
                                    .is_talking = is_talking,
                                    .passed_silence = passed_silence,
                                    .detach = detach,
                                    .free = free_echo};

static struct echo *add_echo(struct fixture *fixture, const char *address, bool *freed, int *client)
{
    int fds[2];
    struct echo *echo = g_new0(struct echo, 1);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), ==, 0);
    echo->peer.ops = &ops;
    echo->peer.publisher = &echo->publisher;
    echo->peer.reader = &echo->reader;
    echo->out = g_byte_array_new();
    echo->freed = freed;
    *freed = false;
    *client = fds[1];
    g_assert_true(admission_enter(router_admission(fixture->router), "echo", address));
    peer_init(&echo->peer, &fixture->server, fds[0], NULL, g_strdup(address));
    return echo;
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    fixture->config = router_config_new();
    fixture->hooks = hook_pool_new(NULL, NULL);
    fixture->router = router_new(fixture->config, fixture->hooks, 0);
    dub_fake_clock_init(&fixture->clock, DUB_NS_PER_S);
    peer_server_init(&fixture->server, fixture->router, fixture->config, &fixture->clock.clock);
    fixture->echo = add_echo(fixture, "10.0.0.1:1", &fixture->freed, &fixture->fd);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    peer_server_clear(&fixture->server);
    g_assert_true(fixture->freed);
    close(fixture->fd);
    router_free(fixture->router);
    hook_pool_free(fixture->hooks);
    router_config_free(fixture->config);
}

static void say(const struct fixture *fixture, const char *text)
{
    g_assert_cmpint(send(fixture->fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

static void turn(void)
{
    g_main_context_iteration(NULL, FALSE);
}

/* What has come since the last call; "-": nothing, "" the end. */
static const char *hear(const struct fixture *fixture)
{
    static char text[100];
    for (unsigned i = 0; i < 10; i++)
        turn();
    ssize_t n = recv(fixture->fd, text, sizeof text - 1, MSG_DONTWAIT);
    text[MAX(n, 0)] = '\0';
    return n < 0 ? "-" : text;
}

static void advance_clock(struct fixture *fixture, int64_t ns)
{
    dub_fake_clock_advance(&fixture->clock, ns);
    peer_check_deadlines(&fixture->echo->peer);
}

static void test_bytes_go_both_ways(struct fixture *fixture, gconstpointer data)
{
    say(fixture, "abc");
    g_assert_cmpstr(hear(fixture), ==, "abc");
    g_assert_cmpuint(fixture->echo->peer.sent_bytes, ==, 3);
    close(fixture->fd);
    fixture->fd = -1;
    turn();
    g_assert_true(fixture->freed);
}

/* Nothing tells of the end again. */
static void test_last_words_and_the_end(struct fixture *fixture, gconstpointer data)
{
    say(fixture, "abc");
    g_assert_cmpint(shutdown(fixture->fd, SHUT_WR), ==, 0);
    g_assert_cmpstr(hear(fixture), ==, "abc");
    g_assert_cmpstr(hear(fixture), ==, "");
    g_assert_true(fixture->freed);
}

/* The last words are sent, then it is waited for the peer to close, but not for ever. */
static void test_closing(struct fixture *fixture, gconstpointer data)
{
    say(fixture, "abc");
    turn();
    say(fixture, "!");
    turn();
    g_assert_cmpuint(router_counters(fixture->router)->protocol_errors, ==, 1);
    g_assert_cmpuint(fixture->echo->n_detached, ==, 1);
    g_assert_cmpstr(hear(fixture), ==, "abc");
    g_assert_cmpstr(hear(fixture), ==, "");
    say(fixture, "thrown away");
    turn();
    g_assert_false(fixture->freed);
    advance_clock(fixture, 6 * DUB_NS_PER_S);
    g_assert_true(fixture->freed);
}

static void test_who_floods_is_not_waited_for(struct fixture *fixture, gconstpointer data)
{
    g_autofree char *much = g_strnfill(1000, 'x');
    gint64 deadline_us = g_get_monotonic_time() + DEADLINE_US;
    peer_close(&fixture->echo->peer, "a test");
    while (!fixture->freed && g_get_monotonic_time() < deadline_us) {
        send(fixture->fd, much, strlen(much), MSG_DONTWAIT | MSG_NOSIGNAL);
        turn();
    }
    g_assert_true(fixture->freed);
}

static void test_who_does_not_fetch_answers_is_not_waited_for(struct fixture *fixture, gconstpointer data)
{
    fixture->echo->is_unread = true;
    peer_close(&fixture->echo->peer, "a test");
    say(fixture, "x");
    turn();
    g_assert_true(fixture->freed);
}

/* Nothing is sent and nothing read before the time; then what was held back goes first. */
static void test_held_back(struct fixture *fixture, gconstpointer data)
{
    fixture->echo->holds_next = true;
    say(fixture, "wrong");
    g_assert_cmpstr(hear(fixture), ==, "-");
    say(fixture, "more");
    fd_watch_wake(fixture->echo->peer.watch); /* whoever wakes it */
    g_assert_cmpstr(hear(fixture), ==, "-");
    g_assert_cmpuint(fixture->echo->out->len, ==, strlen("wrong"));
    advance_clock(fixture, DUB_NS_PER_S);
    g_assert_cmpstr(hear(fixture), ==, "-");
    g_assert_cmpuint(fixture->echo->n_resumed, ==, 0);
    advance_clock(fixture, AUTH_PAUSE_S * DUB_NS_PER_S);
    turn();
    g_assert_cmpuint(fixture->echo->n_resumed, ==, 1);
    g_assert_cmpstr(hear(fixture), ==, "wrongmore");
}

/* The client says no more, and nothing but what is left in the socket is there to go on with. */
static void assert_all_comes_back(const struct fixture *fixture, size_t bytes)
{
    static char text[65536];
    size_t n_heard = 0;
    gint64 deadline_us = g_get_monotonic_time() + DEADLINE_US;
    while (n_heard < bytes && g_get_monotonic_time() < deadline_us) {
        turn();
        ssize_t n = recv(fixture->fd, text, sizeof text, MSG_DONTWAIT);
        n_heard += (size_t)MAX(n, 0);
    }
    g_assert_cmpuint(n_heard, ==, bytes);
}

/* As much as the sockets take, which is more than one turn reads. */
static size_t say_much(const struct fixture *fixture)
{
    static char text[32768];
    const int much = 1 << 20;
    size_t n_said = 0;
    setsockopt(fixture->fd, SOL_SOCKET, SO_SNDBUF, &much, sizeof much);
    for (ssize_t n = 0; n >= 0; n_said += (size_t)MAX(n, 0))
        n = send(fixture->fd, text, sizeof text, MSG_DONTWAIT | MSG_NOSIGNAL);
    g_assert_cmpuint(n_said, >, 4 * 65536);
    return n_said;
}

static void test_more_than_a_turn_reads(struct fixture *fixture, gconstpointer data)
{
    assert_all_comes_back(fixture, say_much(fixture));
}

/* What waits behind answers is read when they have gone. */
static void test_answers_go_first(struct fixture *fixture, gconstpointer data)
{
    fixture->echo->is_unread = true;
    assert_all_comes_back(fixture, say_much(fixture));
}

static void test_gone_while_held_back(struct fixture *fixture, gconstpointer data)
{
    fixture->echo->holds_next = true;
    say(fixture, "wrong");
    turn();
    g_assert_false(fixture->freed);
    close(fixture->fd);
    fixture->fd = -1;
    turn();
    g_assert_true(fixture->freed);
}

static void test_deadlines(struct fixture *fixture, gconstpointer data)
{
    int stalled;
    bool freed;
    struct echo *echo = add_echo(fixture, "10.0.0.2:1", &freed, &stalled);
    g_byte_array_set_size(echo->out, 4 << 20); /* more than the socket takes */
    memset(echo->out->data, 'x', echo->out->len);
    peer_wake(&echo->peer);
    turn();
    dub_fake_clock_advance(&fixture->clock, fixture->config->write_timeout_ns + 1);
    peer_check_deadlines(&echo->peer);
    g_assert_true(freed);
    peer_check_deadlines(&fixture->echo->peer);
    g_assert_false(fixture->freed);
    advance_clock(fixture, 3600 * DUB_NS_PER_S);
    g_assert_true(fixture->freed);
    g_assert_cmpuint(router_counters(fixture->router)->timeouts, ==, 2);
    close(stalled);
}

#define ADD(name, function) g_test_add("/peer/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("bytes-go-both-ways", test_bytes_go_both_ways);
    ADD("last-words-and-the-end", test_last_words_and_the_end);
    ADD("closing", test_closing);
    ADD("who-floods-is-not-waited-for", test_who_floods_is_not_waited_for);
    ADD("who-does-not-fetch-answers-is-not-waited-for", test_who_does_not_fetch_answers_is_not_waited_for);
    ADD("held-back", test_held_back);
    ADD("more-than-a-turn-reads", test_more_than_a_turn_reads);
    ADD("answers-go-first", test_answers_go_first);
    ADD("gone-while-held-back", test_gone_while_held_back);
    ADD("deadlines", test_deadlines);
    return g_test_run();
}
