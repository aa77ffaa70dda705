/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server on a real socket of the loopback interface, a fake clock, and clients in the same thread: fixture
 * of the connection's and the server's tests. */
#pragma once

#include "rtmp/server.h"
#include "tests/rtmp_peer.h"

#define TURN_DEADLINE_US (10 * G_USEC_PER_SEC)

struct client {
    struct rtmp_peer peer;
    int fd;
    bool eof;     /* the server has closed */
    bool stalled; /* it does not read */
    unsigned n_video, n_audio;
    uint32_t first_video_ms, last_video_ms;
    bool first_is_key;
    /* What came, in order: K and P pictures, A sound, V and S sequence headers with their last byte in hex */
    GString *order;
};

struct server_fixture {
    struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct rtmp_server *server;
    struct dub_fake_clock clock;
};

void server_setup(struct server_fixture *fixture, gconstpointer data);
void server_teardown(struct server_fixture *fixture, gconstpointer data);

/* Its handshake is pending. */
void client_connect(struct client *client, const struct server_fixture *fixture);
void client_connect_to(struct client *client, unsigned port);
void client_clear(struct client *client);
/* Connected to app "live", with createStream and publish or play pending. */
void client_start(struct client *client, const struct server_fixture *fixture, const char *verb,
                  const char *key);
/* Publishing, with the path ready. */
void client_start_publisher(struct client *client, const struct server_fixture *fixture, const char *key);
/* Playing. */
void client_start_reader(struct client *client, const struct server_fixture *fixture, const char *key);
/* `count` frames from `first` on, 40 ms apart, a key frame every tenth, sound between. */
void client_send_frames(struct client *client, unsigned first, unsigned count, size_t size);
/* True when the next onStatus has this code; takes it. */
bool client_has_status(struct client *client, const char *expected);

/* One round of everything that can move without waiting. */
void clients_turn(struct client *const *clients, size_t count);

/* Turns until the condition holds; a test that waits too long fails here. */
#define TURN_UNTIL(condition, ...)                                                                           \
    do {                                                                                                     \
        struct client *const all[] = {__VA_ARGS__};                                                          \
        gint64 deadline = g_get_monotonic_time() + TURN_DEADLINE_US;                                         \
        bool met;                                                                                            \
        while (!(met = (condition)) && g_get_monotonic_time() < deadline)                                    \
            clients_turn(all, G_N_ELEMENTS(all));                                                            \
        if (!met)                                                                                            \
            g_error("line %d: waited in vain for " #condition, __LINE__);                                    \
    } while (0)
