/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paths, their one publisher and their readers.
 *
 * Publishers and readers are abstract: a protocol embeds struct router_publisher and struct router_reader in
 * its connections and hands in a table of calls. Media goes from router_write to every reader's `message` by
 * reference. One thread, one GMainContext: all calls and callbacks are on it. */
#pragma once

#include "admission.h"
#include "config.h"
#include "hooks.h"
#include "stream.h"

struct router;
struct router_path;
struct router_publisher;
struct router_reader;

struct router_publisher_ops {
    const char *type; /* "rtmpConn", in the Control API and in MTX_SOURCE_TYPE */
    /* The path has let go of the publisher (a newer one came, or an operator): close the connection. */
    void (*close)(struct router_publisher *publisher, const char *reason);
};

struct router_publisher {
    const struct router_publisher_ops *ops;
    char *id;                 /* UUID; owned by the protocol */
    struct router_path *path; /* NULL while not publishing; the router's */
};

struct router_reader_ops {
    const char *type;
    /* One message, borrowed. A backlog message belongs to the start. Must not detach the reader: a reader
     * that gives up does so later, from its own source. */
    void (*message)(struct router_reader *reader, struct media_message *message, bool is_backlog);
    /* The path has let go of the reader: its stream has ended. */
    void (*close)(struct router_reader *reader, const char *reason);
};

struct router_reader {
    const struct router_reader_ops *ops;
    char *id;
    struct router_path *path; /* NULL while not reading */
};

struct router_path {
    char *name;
    const struct path_config *config; /* borrowed from the router's configuration */
    char **groups;                    /* "G1=...", NULL: none */
    char *query;                      /* of the publisher */
    struct router_publisher *publisher;
    struct stream stream; /* valid while there is a publisher */
    bool ready;
    int64_t ready_wall_ms;                  /* when it became ready */
    int64_t online_wall_ms;                 /* when the publisher came */
    GPtrArray *readers;                     /* struct router_reader *, borrowed */
    uint64_t inbound_bytes, outbound_bytes; /* media of the present and earlier publishers; to all readers */
    struct hook *ready_hook;
};

/* config and hooks are borrowed and outlive the router. rtsp_port goes into RTSP_PORT of the hooks. */
struct router *router_new(const struct router_config *config, struct hook_pool *hooks, unsigned rtsp_port);
/* Lets go of all publishers and readers first. NULL is fine. */
void router_free(struct router *router);

/* Refused when no entry of the configuration allows the path, or another publisher has it and may not be
 * overridden. */
bool router_publish(struct router *router, const char *name, const char *query,
                    struct router_publisher *publisher, struct dub_error *error);
void router_unpublish(struct router *router, struct router_publisher *publisher);
/* One message of the publisher. */
void router_write(struct router *router, struct router_publisher *publisher,
                  struct media_message *take_message);

/* Refused when nobody publishes there (DUB_ERROR_NOT_FOUND) or there are too many readers. No media yet. */
bool router_read(struct router *router, const char *name, struct router_reader *reader,
                 struct dub_error *error);
/* From now on media flows, the backlog first. */
void router_reader_start(struct router_reader *reader);
void router_unread(struct router *router, struct router_reader *reader);

/* What it was made with. Borrowed. */
const struct router_config *router_config_of(const struct router *router);
/* What all listeners share. */
struct admission *router_admission(struct router *router);
/* For those who meet a limit to count it. */
struct router_counters *router_counters(struct router *router);
/* Where everybody together holds more media than they may, the oldest groups of pictures are forgotten. False
 * when that was not enough: who has much shall give it up. */
bool router_has_memory(struct router *router);
/* True when a line about a stream or its peer may be written to the log: there are very many of them. */
bool router_may_log(struct router *router);
/* Sorted by name; the elements are the router's, the array is the caller's. */
GPtrArray *router_list_paths(struct router *router);
/* NULL when there is none. */
struct router_path *router_find_path(struct router *router, const char *name);
