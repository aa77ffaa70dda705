/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "egress_fsm.h"

static void forgive(struct egress_fsm *fsm)
{
    fsm->failed = false;
    fsm->restart_at_ns = 0;
    fsm->restarts.n = 0;
}

static bool should_stop(const struct egress_fsm *fsm)
{
    return fsm->has_process && !fsm->stopping && (!fsm->wanted || !fsm->run || fsm->stale);
}

static bool should_start(const struct egress_fsm *fsm, int64_t now_ns)
{
    return !fsm->has_process && fsm->wanted && fsm->run && fsm->output_runs && !fsm->failed &&
           now_ns >= fsm->restart_at_ns;
}

enum egress_action egress_fsm_step(struct egress_fsm *fsm, int64_t now_ns)
{
    if (should_stop(fsm)) {
        fsm->stopping = true;
        return EGRESS_STOP;
    }
    if (!should_start(fsm, now_ns))
        return EGRESS_NOTHING;
    fsm->has_process = true;
    fsm->stopping = fsm->stale = false;
    fsm->restart_at_ns = 0;
    return EGRESS_START;
}

int64_t egress_fsm_deadline_ns(const struct egress_fsm *fsm)
{
    bool waits = !fsm->has_process && fsm->wanted && fsm->run && fsm->output_runs && !fsm->failed;
    return waits ? fsm->restart_at_ns : INT64_MAX;
}

void egress_fsm_want(struct egress_fsm *fsm, bool is_another)
{
    fsm->wanted = true;
    if (is_another && fsm->has_process)
        fsm->stale = true;
    forgive(fsm);
}

void egress_fsm_unwant(struct egress_fsm *fsm)
{
    fsm->wanted = false;
}

void egress_fsm_set_stream(struct egress_fsm *fsm, bool run, bool output_runs)
{
    if (run && !fsm->run)
        forgive(fsm);
    fsm->run = run;
    fsm->output_runs = output_runs;
}

void egress_fsm_adopted(struct egress_fsm *fsm, bool serves_another)
{
    fsm->has_process = true;
    fsm->stopping = false;
    fsm->stale = serves_another;
}

/* An end that was asked for, or without the stream's output to read, is no failure of the forwarder. */
void egress_fsm_ended(struct egress_fsm *fsm, enum egress_end end, int64_t now_ns)
{
    bool is_failure = !fsm->stopping && fsm->wanted && fsm->run && fsm->output_runs;
    fsm->has_process = fsm->stopping = fsm->stale = false;
    if (!is_failure)
        return;
    fsm->restart_at_ns = end == EGRESS_END_REFUSED ? -1 : restarts_plan(&fsm->restarts, now_ns);
    if (fsm->restart_at_ns >= 0)
        return;
    fsm->failed = true;
    fsm->restart_at_ns = 0;
}

enum egress_state egress_fsm_state(const struct egress_fsm *fsm)
{
    if (fsm->has_process)
        return fsm->stopping ? EGRESS_STOPPING : EGRESS_STARTING;
    if (!fsm->wanted || !fsm->run)
        return EGRESS_OFF;
    if (fsm->failed)
        return EGRESS_FAILED;
    if (!fsm->output_runs)
        return EGRESS_WAITING;
    return EGRESS_RESTARTING;
}

const char *egress_state_name(enum egress_state state)
{
    static const char *const names[] = {
#define X(name, text) text,
        EGRESS_STATES(X)
#undef X
    };
    return names[state];
}
