/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer_server.h"

#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* It says nothing and hears nothing. */
struct mute {
    struct peer peer;
    struct router_publisher publisher;
    struct router_reader reader;
    bool is_late; /* a deadline of its own has passed */
    int client;
    unsigned *n_freed;
};

struct fixture {
    struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct dub_fake_clock clock;
    struct peer_server server;
    unsigned n_freed;
};

static bool receive(struct peer *peer, const uint8_t *data, size_t size, struct dub_error *error)
{
    return true;
}

static bool fetches_answers(const struct peer *peer)
{
    return true;
}

static void encode(struct peer *peer, size_t up_to_bytes)
{
}

static size_t pending(const struct peer *peer)
{
    return 0;
}

static bool is_talking(const struct peer *peer)
{
    return false;
}

static const char *passed_silence(const struct peer *peer, int64_t now_ns)
{
    return ((const struct mute *)peer)->is_late ? "it is late" : NULL;
}

static void detach(struct peer *peer)
{
}

static void free_mute(struct peer *peer)
{
    struct mute *mute = (struct mute *)peer;
    ++*mute->n_freed;
    close(mute->client);
    peer_clear(peer);
    g_free(mute);
}

static const struct peer_ops ops = {.protocol = "mute",
                                    .receive = receive,
                                    .fetches_answers = fetches_answers,
                                    .encode = encode,
                                    .pending = pending,
                                    .is_talking = is_talking,
                                    .passed_silence = passed_silence,
                                    .detach = detach,
                                    .free = free_mute};

static struct mute *add(struct fixture *fixture, const char *address)
{
    int fds[2];
    struct mute *mute = g_new0(struct mute, 1);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), ==, 0);
    mute->peer.ops = &ops;
    mute->peer.publisher = &mute->publisher;
    mute->peer.reader = &mute->reader;
    mute->client = fds[1];
    mute->n_freed = &fixture->n_freed;
    g_assert_true(admission_enter(router_admission(fixture->router), "mute", address));
    peer_init(&mute->peer, &fixture->server, fds[0], NULL, g_strdup(address));
    return mute;
}

static void setup(struct fixture *fixture, gconstpointer data)
{
    fixture->config = router_config_new();
    fixture->hooks = hook_pool_new(NULL, NULL);
    fixture->router = router_new(fixture->config, fixture->hooks, 0);
    dub_fake_clock_init(&fixture->clock, DUB_NS_PER_S);
    peer_server_init(&fixture->server, fixture->router, fixture->config, &fixture->clock.clock);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    guint left = fixture->server.peers.length;
    unsigned n_freed = fixture->n_freed;
    peer_server_clear(&fixture->server);
    g_assert_cmpuint(fixture->n_freed, ==, n_freed + left);
    router_free(fixture->router);
    hook_pool_free(fixture->hooks);
    router_config_free(fixture->config);
}

static void test_find(struct fixture *fixture, gconstpointer data)
{
    struct mute *first = add(fixture, "10.0.0.1:1");
    struct mute *second = add(fixture, "10.0.0.1:2");
    g_assert_true(peer_server_find(&fixture->server, second->peer.id) == &second->peer);
    g_assert_true(peer_server_find(&fixture->server, first->peer.id) == &first->peer);
    g_assert_null(peer_server_find(&fixture->server, "nobody"));
    g_assert_cmpstr(peer_state(&first->peer), ==, "idle");
}

/* The oldest of the address that has the most; who has a stream stays. */
static void test_room_for_others(struct fixture *fixture, gconstpointer data)
{
    struct router_path path = {.ready = false};
    fixture->config->limits.connections = 4;
    struct mute *other = add(fixture, "10.0.0.1:1");
    struct mute *reader = add(fixture, "10.0.0.2:1");
    g_autofree char *oldest = g_strdup(add(fixture, "10.0.0.2:2")->peer.id);
    struct mute *newer = add(fixture, "10.0.0.2:3");
    reader->reader.path = &path;
    struct mute *newest = add(fixture, "10.0.0.3:1");
    g_assert_cmpuint(fixture->n_freed, ==, 1);
    g_assert_null(peer_server_find(&fixture->server, oldest));
    const struct mute *const kept[] = {other, reader, newer, newest};
    g_assert_cmpuint(fixture->server.peers.length, ==, G_N_ELEMENTS(kept));
    for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++)
        g_assert_true(g_queue_peek_nth(&fixture->server.peers, i) == &kept[i]->peer);
    g_assert_cmpuint(router_counters(fixture->router)->replaced, ==, 1);
    reader->reader.path = NULL;
}

static void test_deadlines_are_looked_at(struct fixture *fixture, gconstpointer data)
{
    gint64 deadline_us = g_get_monotonic_time() + DEADLINE_US;
    add(fixture, "10.0.0.1:1")->is_late = true;
    add(fixture, "10.0.0.1:2");
    add(fixture, "10.0.0.1:3")->is_late = true;
    while (fixture->n_freed < 2 && g_get_monotonic_time() < deadline_us)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->server.peers.length, ==, 1);
    g_assert_cmpuint(router_counters(fixture->router)->timeouts, ==, 2);
}

/* A server that nobody uses wakes up for nothing. */
static void test_no_look_without_peers(struct fixture *fixture, gconstpointer data)
{
    gint64 deadline_us = g_get_monotonic_time() + DEADLINE_US;
    g_assert_null(fixture->server.tick);
    add(fixture, "10.0.0.1:1")->is_late = true;
    g_assert_nonnull(fixture->server.tick);
    while (fixture->n_freed < 1 && g_get_monotonic_time() < deadline_us)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->n_freed, ==, 1);
    g_assert_null(fixture->server.tick);
    add(fixture, "10.0.0.1:2");
    g_assert_nonnull(fixture->server.tick);
}

#define ADD(name, function) g_test_add("/peer-server/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("find", test_find);
    ADD("room-for-others", test_room_for_others);
    ADD("deadlines-are-looked-at", test_deadlines_are_looked_at);
    ADD("no-look-without-peers", test_no_look_without_peers);
    return g_test_run();
}
