/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of one stream as a pure state machine: an event and the time go in, a new state and a list of
 * actions come out. It knows no sockets, no processes and no clock of its own; deadlines are checked by the
 * event TICK.
 *
 * idle -> starting -> running -> stopping -> idle, and degraded, where a stream waits for a new publisher or
 * an operator after its worker failed too often, or for a reason that a restart cannot help. The publisher's
 * absence shows as a grace deadline within starting and running. At most one worker lives at any time. */
#pragma once

#include "restarts.h"

#include <stdbool.h>
#include <stdint.h>

#define STREAM_STATES(X)                                                                                     \
    X(IDLE, "idle")                                                                                          \
    X(STARTING, "starting")                                                                                  \
    X(RUNNING, "running")                                                                                    \
    X(STOPPING, "stopping")                                                                                  \
    X(DEGRADED, "degraded")

enum stream_state {
#define X(name, text) STREAM_##name,
    STREAM_STATES(X)
#undef X
        STREAM_STATE_COUNT
};

#define STREAM_EVENTS(X)                                                                                     \
    X(READY, "ready")         /* a publisher came: a hook, or one seen that was not there before */          \
    X(SEEN, "seen")           /* the publisher is still there, says the router's list */                     \
    X(NOT_READY, "not-ready") /* the publisher left */                                                       \
    X(START, "start")         /* an operator wants it, without a publisher */                                \
    X(STOP, "stop")           /* an operator wants it gone, whatever the publisher does */                   \
    X(RESTART, "restart")                                                                                    \
    X(ADOPTED, "adopted")                   /* a worker of an earlier media-service was found running */     \
    X(ADOPTED_OPERATOR, "adopted-operator") /* the same, started by an operator */                           \
    X(WORKER_UP, "worker-up")               /* its output runs */                                            \
    X(WORKER_FAILED, "worker-failed")                                                                        \
    X(WORKER_REFUSED, "worker-refused")   /* failed in a way that a restart does not change */               \
    X(WORKER_FINISHED, "worker-finished") /* ended by itself without an error */                             \
    X(TICK, "tick")

enum stream_event {
#define X(name, text) STREAM_EVENT_##name,
    STREAM_EVENTS(X)
#undef X
        STREAM_EVENT_COUNT
};

#define STREAM_ACTIONS(X)                                                                                    \
    X(BEGIN_RUN, "begin-run")                                                                                \
    X(START_WORKER, "start-worker")                                                                          \
    X(STOP_WORKER, "stop-worker") /* WORKER_... follows when it has ended */                                 \
    X(END_RUN, "end-run")

enum stream_action {
#define X(name, text) STREAM_ACTION_##name,
    STREAM_ACTIONS(X)
#undef X
        STREAM_ACTION_COUNT
};

#define STREAM_MAX_RESTARTS RESTARTS_MAX
#define STREAM_MAX_ACTIONS 4

struct stream_actions {
    enum stream_action items[STREAM_MAX_ACTIONS];
    unsigned n;
};

/* Plain data; read it freely, change it by stream_fsm_handle only. Times are of the caller's monotonic clock.
 */
struct stream_fsm {
    int64_t grace_ns;
    enum stream_state state;
    bool wanted;      /* by a publisher or an operator */
    bool by_operator; /* started without a publisher: not-ready does not concern it */
    bool held;        /* stopped by an operator: the publisher's mere presence does not start it again */
    bool has_worker;  /* a START_WORKER or an adoption whose end has not been reported */
    int64_t grace_deadline_ns; /* 0: none */
    int64_t restart_at_ns;     /* 0: none */
    struct restarts restarts;  /* of the worker, in this run */
};

void stream_fsm_init(struct stream_fsm *fsm, int64_t grace_ns);
/* Of a new one: it had been stopped by an operator before we came. */
void stream_fsm_hold(struct stream_fsm *fsm);

/* Fills actions, to be carried out in order. False when the event makes no sense in this state, which is
 * normal: nothing has changed then. */
bool stream_fsm_handle(struct stream_fsm *fsm, enum stream_event event, int64_t now_ns,
                       struct stream_actions *actions);

/* When TICK is due; INT64_MAX: never. */
int64_t stream_fsm_deadline_ns(const struct stream_fsm *fsm);

const char *stream_state_name(enum stream_state state);
const char *stream_event_name(enum stream_event event);
const char *stream_action_name(enum stream_action action);
