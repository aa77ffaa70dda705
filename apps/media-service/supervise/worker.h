/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One media-worker process as the control plane sees it: started by us or found running (adopted), its
 * control socket, its end. An egress-forwarder is one too: it speaks the same on its socket and has the same
 * exit codes. All calls and events on the thread of the default main context. */
#pragma once

#include <dubbing_clock.h>
#include <dubbing_worker_control.h>
#include <stdbool.h>
#include <sys/types.h>

#define WORKER_STOP_GRACE_MS 4000                 /* from SIGTERM to SIGKILL */
#define WORKER_SILENCE_MAX_NS (30 * DUB_NS_PER_S) /* a worker sends its status each second */

enum worker_end_kind {
    WORKER_END_FAILED,   /* a restart may help */
    WORKER_END_REFUSED,  /* it would end the same way again: configuration, unsupported stream */
    WORKER_END_FINISHED, /* exit code 0 */
};

struct worker_end {
    enum worker_end_kind kind;
    const char *text; /* one line for people: how it ended and its last error */
};

/* Everything is borrowed for the call. The worker must not be freed in an event but on_end. */
struct worker_events {
    void (*on_status)(const struct dub_worker_status *status, void *user);
    /* The kept phrases are delivered after each connect, so that one may come more than once: line->seq
     * tells. */
    void (*on_phrase)(const struct dub_ledger_line *line, void *user);
    /* Who it is; after each connect. NULL: not wanted. */
    void (*on_hello)(const struct dub_worker_hello *hello, void *user);
    /* Once, after its last phrase. */
    void (*on_end)(const struct worker_end *end, void *user);
};

struct worker_spec {
    const char *program; /* for messages, not copied; NULL: "media-worker" */
    const char *stream_id;
    const char *run_id;
    const char *socket_path;
    const char *const *argv;        /* to start it */
    const char *const *environment; /* "NAME=value" on top of ours */
    const struct dub_clock *clock;
};

struct worker;

/* What the registry needs of workers; its tests put a fake in its place. */
struct worker_ops {
    /* The program itself is started a little later, which then fails by on_end. */
    struct worker *(*start)(const struct worker_spec *spec, const struct worker_events *events, void *user,
                            struct dub_error *error);
    /* argv and environment are not used. pid was found by control_client_probe. */
    struct worker *(*adopt)(const struct worker_spec *spec, pid_t pid, const struct worker_events *events,
                            void *user, struct dub_error *error);
    /* SIGTERM, SIGKILL after WORKER_STOP_GRACE_MS; on_end follows. Repeated calls change nothing. */
    void (*stop)(struct worker *worker);
    /* To be called now and then: kills one that has been silent for WORKER_SILENCE_MAX_NS. */
    void (*tick)(struct worker *worker);
    /* 0 as long as it has not been started. */
    pid_t (*pid)(const struct worker *worker);
    /* Does not stop the process: it goes on alone. NULL is fine. */
    void (*free)(struct worker *worker);
};

extern const struct worker_ops worker_process_ops;
