/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream of a worker as the loads of the benchmarks need it: connects, sends stream:init, writes fragments,
 * and tells of what comes back. On the default main context. */
#pragma once

#include <dubbing_socketio.h>

/* Borrowed members outlive the stream. */
struct bench_stream_config {
    const char *url;
    const char *id;
    int rate_hz; /* mono S16LE */
    int max_inflight;
    int timeout_ms;
};

struct bench_stream_events {
    /* The service has said stream:ready. */
    void (*ready)(void *user);
    void (*processed)(JsonObject *processed, void *user);
    /* The connection was refused or lost, or the service said `error`: what is also on stderr. */
    void (*failed)(const char *what, void *user);
};

struct bench_stream {
    struct bench_stream_config config;
    const struct bench_stream_events *events;
    void *user;
    struct dub_sio_client *client;
    struct dub_sio_socket *socket; /* NULL until connected */
    int64_t sequence;              /* of the next fragment */
};

struct bench_clip {
    char *base64;
    int64_t duration_ms;
};

/* False, with a line on stderr, for a URL that makes no sense. */
bool bench_stream_open(struct bench_stream *stream, const struct bench_stream_config *config,
                       const struct bench_stream_events *events, void *user);
/* At once, as if the worker had died. Zeroed memory is fine. */
void bench_stream_close(struct bench_stream *stream);
/* Sends the next fragment under this id, a UUID. */
void bench_stream_send(struct bench_stream *stream, const char *fragment_id, const struct bench_clip *clip);
