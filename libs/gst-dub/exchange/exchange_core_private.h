/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two halves of the core share: exchange_core.c (what we do) and exchange_answers.c (what the
 * service says). */
#pragma once

#include "breaker.h"
#include "exchange_core.h"
#include "exchange_flow.h"

#include <dubbing_events.h>
#include <dubbing_log.h>
#include <dubbing_retry.h>

#define SETTLED_REMEMBERED 64
#define UUID_SIZE 37

#define EXCHANGE_STATES(X)                                                                                   \
    X(WAITING, "waiting")                                                                                    \
    X(CONNECTING, "connecting")                                                                              \
    X(INITIALISING, "initialising")                                                                          \
    X(READY, "ready")                                                                                        \
    X(CLOSED, "closed")

enum exchange_state {
#define X(name, text) EXCHANGE_##name,
    EXCHANGE_STATES(X)
#undef X
};

struct exchange_item {
    struct dub_exchange_fragment fragment; /* samples NULL once sent */
    char uuid[UUID_SIZE];                  /* "" until sent */
    int64_t sequence;
    int64_t sent_ns;
    int64_t expires_ns;
    enum breaker_permit permit;
};

/* What was handed back, on this connection. Unanswered, its answer may still come, and until the timeout that
 * the service was told of has passed it counts as outstanding. */
struct exchange_settled {
    char uuid[UUID_SIZE]; /* "": an unused place */
    int64_t sent_ns;
    bool is_answered;
};

struct exchange_core {
    struct dub_exchange_config config;
    const struct exchange_ops *ops;
    void *user;
    struct dub_capture *capture; /* NULL: nothing is kept */
    enum exchange_state state;
    struct dub_backoff backoff;
    int64_t attempt_ns;  /* WAITING: when the next attempt is due */
    bool is_moving;      /* until connected or lost: the service has sent us away, to be served elsewhere */
    int64_t may_move_ns; /* not before, unless it has served us since: no going round in circles */
    int64_t ready_by_ns; /* INITIALISING: when stream:ready must be there */
    struct dub_error last_error; /* WAITING: why there is no connection */
    GQueue queue;                /* struct exchange_item *, in order of submission */
    GQueue flight;               /* struct exchange_item *, in order of sending */
    int64_t next_sequence;
    unsigned sequence_errors; /* consecutive */
    struct flow flow;
    struct breaker breaker;
    struct rtt rtt;
    struct exchange_settled settled[SETTLED_REMEMBERED]; /* a ring */
    unsigned next_settled;
    uint64_t n_ready, n_sent, n_late, n_ignored;
    struct dub_exchange_engines engines;
};

#define core_log(core, level, ...)                                                                           \
    dub_log((level), &(struct dub_log_context){.stream_id = (core)->config.stream_id}, __VA_ARGS__)

void core_set_state(struct exchange_core *core, enum exchange_state state);
void core_item_free(struct exchange_item *item);
struct dub_exchange_result core_result_of(const struct exchange_item *item);
void core_remember(struct exchange_core *core, const struct exchange_item *item, bool is_answered);
/* A fragment of the flight list that will not be dubbed. */
void core_fail_sent(struct exchange_core *core, GList *link, const struct dub_error *error, bool is_answered);
/* The service, which is stopping, sends us away in good order: to another one behind the same address, or to
 * itself when it is back. What has not been sent comes along. */
void core_move_on(struct exchange_core *core, const struct dub_error *error);
void core_drop_connection(struct exchange_core *core, const struct dub_error *error);
