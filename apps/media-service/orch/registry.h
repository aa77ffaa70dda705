/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All streams, each with its state machine, its worker and what is known of it. Whoever has something to say
 * about a stream (hooks, the router's list, operators, workers) says it here; here the state machine's
 * actions are carried out. One thread: that of the default main context. */
#pragma once

#include "../supervise/state_dir.h"
#include "../supervise/worker.h"
#include "stream.h"

#include <dubbing_clock.h>
#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct registry;

/* Borrowed; must outlive the registry. */
struct registry_config {
    const struct dub_clock *clock;
    const struct worker_ops *workers;
    struct state_dir *state_dir;
    const char *const *worker_argv;
    /* "NAME=value" that every worker gets on top of ours. */
    const char *const *worker_environment;
    const char *const *egress_argv; /* to start an egress-forwarder; it gets worker_environment too */
    bool egress_enabled;            /* egress_dest_url is for every stream that says nothing else */
    const char *egress_dest_url;    /* NULL or "": none; {streamId} stands for the stream's id */
    const char *router_rtmp_url;    /* without a slash at the end */
    const char *streams_dir;        /* where <streamId>.env are looked for */
    struct bundle_store *bundles;
    bool captures_media; /* each fragment's audio goes into the run's bundle */
    int64_t grace_ns;
    int64_t max_workers; /* 0: no limit */
};

/* Observers; the stream is borrowed for the call, any of them may be NULL. */
struct registry_events {
    void (*on_state)(struct stream *stream, void *user); /* its state, run or worker changed */
    void (*on_phrase)(struct stream *stream, JsonNode *line, void *user);
    void (*on_worker_restart)(struct stream *stream, void *user);
    void (*on_forgotten)(struct stream *stream, void *user); /* an old idle stream makes room */
};

struct registry *registry_new(const struct registry_config *config, const struct registry_events *events,
                              void *user);
/* Leaves the workers running. NULL is fine. */
void registry_free(struct registry *registry);

/* Goes on with the workers that an earlier media-service left running, and with what operators have stopped.
 * At start, before anything else. */
void registry_adopt(struct registry *registry);

/* A publisher came, says a hook. query and source_id may be "". On true *stream is the stream, whether it had
 * to be started or not. False with LIMIT when max_workers are busy, with CANCELLED while all are being
 * stopped. A hook of the publisher that is known already starts nothing that an operator has stopped. */
bool registry_publisher_ready(struct registry *registry, const char *stream_id, const char *query,
                              const char *source_id, struct stream **stream, struct dub_error *error);
/* The publisher left, says a hook. One that is not the stream's last known publisher is ignored: it was
 * replaced. NULL when the stream is not known. */
struct stream *registry_publisher_gone(struct registry *registry, const char *stream_id,
                                       const char *source_id);
/* The same from the router's list, which repeats itself. */
bool registry_publisher_seen(struct registry *registry, const char *stream_id, const char *source_id,
                             struct dub_error *error);
void registry_publisher_missing(struct registry *registry, const char *stream_id);

/* An operator's wishes. start takes nothing from the settings but copies; urls may be NULL: the router's. */
bool registry_start(struct registry *registry, const char *stream_id, const char *input_url,
                    const char *output_url, JsonObject *settings, struct stream **stream,
                    struct dub_error *error);
bool registry_stop(struct registry *registry, const char *stream_id, struct dub_error *error);
bool registry_restart(struct registry *registry, const char *stream_id, struct dub_error *error);

/* Another destination for the rest of the stream's run, of which nothing else changes; NULL: none. The url
 * has passed egress_dest_check. False with STREAM_NOT_FOUND, or UNAVAILABLE when there is no run. */
bool registry_set_egress(struct registry *registry, const char *stream_id, const char *dest_url,
                         struct dub_error *error);

/* Stops all workers and forwarders and accepts nothing new; on_stopped is called, maybe at once, when the
 * last one has ended. */
void registry_stop_all(struct registry *registry, void (*on_stopped)(void *user), void *user);

/* To be called several times a second: acts on deadlines that have passed, looks after the workers. */
void registry_tick(struct registry *registry);

/* NULL when it is not known. */
struct stream *registry_find(const struct registry *registry, const char *stream_id);
/* Whether the disk refuses what runs are to leave there. */
bool registry_bundles_are_refused(const struct registry *registry);
/* All known streams by id, borrowed; the list is freed by the caller with g_list_free. */
GList *registry_list(const struct registry *registry);
