/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker for tests: our own Socket.IO client, which records what the service says. */
#pragma once

#include <dubbing_events.h>
#include <dubbing_socketio.h>

#define STS_PEER_UUID(n) "0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e0" #n

struct sts_peer {
    struct dub_sio_client *client;
    struct dub_sio_socket *socket;
    bool ready, complete, closed, refused;
    struct dub_fragment_processed processed[8];
    unsigned n_processed, n_acks, n_errors;
    enum dub_error_code last_error;
    enum dub_error_severity last_severity;
    char last_message[256];
    char refusal[64];
};

/* Connects to 127.0.0.1, token may be NULL; iterate the main loop until ->socket or ->refused. */
void sts_peer_connect(struct sts_peer *peer, unsigned port, const char *token);
void sts_peer_clear(struct sts_peer *peer);
/* The stream "news", English to Spanish. */
void sts_peer_send_init(struct sts_peer *peer);
/* Two seconds of sts_peer_audio. */
void sts_peer_send_fragment(struct sts_peer *peer, int64_t sequence, const char *id);
void sts_peer_send_end(struct sts_peer *peer);
GBytes *sts_peer_audio(void);

gboolean sts_peer_on_late(gpointer what);

/* Iterates the main loop until it holds; fails after a deadline. */
#define wait_until(condition)                                                                                \
    do {                                                                                                     \
        guint late = g_timeout_add_seconds(20, sts_peer_on_late, (gpointer) #condition);                     \
        while (!(condition))                                                                                 \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(late);                                                                               \
    } while (0)
