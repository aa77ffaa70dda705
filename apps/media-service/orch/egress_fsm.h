/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a stream has an egress-forwarder, as a pure state machine. It is told what is (destination, the
 * stream's state, the process), and says what to do about it: so that nothing depends on the order in which
 * things are told, and at most one process lives at any time.
 *
 * Restarts have a budget of their own: a forwarder that fails again and again is left, and the stream goes
 * on. */
#pragma once

#include "restarts.h"

#include <stdbool.h>
#include <stdint.h>

/* What the API shows while there is no better word from the forwarder itself. */
#define EGRESS_STATES(X)                                                                                     \
    X(OFF, "off")                                                                                            \
    X(WAITING, "waiting")       /* for the stream's output */                                                \
    X(STARTING, "starting")     /* the forwarder runs, and has not reached the destination yet */            \
    X(FORWARDING, "forwarding") /* the destination takes the stream */                                       \
    X(RETRYING, "retrying")     /* the destination, or the input, was lost */                                \
    X(RESTARTING, "restarting") /* the forwarder failed and is started again soon */                         \
    X(STOPPING, "stopping")                                                                                  \
    X(FAILED, "failed") /* too often, or for a reason that a restart cannot help */

enum egress_state {
#define X(name, text) EGRESS_##name,
    EGRESS_STATES(X)
#undef X
        EGRESS_STATE_COUNT
};

enum egress_action {
    EGRESS_NOTHING,
    EGRESS_START,
    EGRESS_STOP, /* egress_fsm_ended follows */
};

enum egress_end {
    EGRESS_END_FAILED,
    EGRESS_END_REFUSED, /* it would end the same way again */
};

/* Plain data; read it freely, change it by the functions only. Times are of the caller's monotonic clock. */
struct egress_fsm {
    bool wanted;      /* there is a destination */
    bool run;         /* the stream has a run that is not being ended */
    bool output_runs; /* its output can be read */
    bool has_process; /* a START or an adoption whose end has not been told */
    bool stale;       /* the process serves another destination */
    bool stopping;    /* STOP has been said */
    bool failed;
    int64_t restart_at_ns; /* 0: none planned */
    struct restarts restarts;
};

/* What there is to do now; to be asked after each of the calls below and when the deadline has passed, and to
 * be done at once. */
enum egress_action egress_fsm_step(struct egress_fsm *fsm, int64_t now_ns);
/* When to ask again although nothing happens; INT64_MAX: never. */
int64_t egress_fsm_deadline_ns(const struct egress_fsm *fsm);

/* A destination was named, the same as before or another one: failures of the past are forgiven. */
void egress_fsm_want(struct egress_fsm *fsm, bool is_another);
void egress_fsm_unwant(struct egress_fsm *fsm);
/* A new run begins with a clean slate. */
void egress_fsm_set_stream(struct egress_fsm *fsm, bool run, bool output_runs);
void egress_fsm_adopted(struct egress_fsm *fsm, bool serves_another);
/* The process has ended, or could not be started. */
void egress_fsm_ended(struct egress_fsm *fsm, enum egress_end end, int64_t now_ns);

/* STARTING for any process that is not being ended: more is for those to say who hear from it. */
enum egress_state egress_fsm_state(const struct egress_fsm *fsm);
const char *egress_state_name(enum egress_state state);
