/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table at the end is the state machine; the functions are its cells. */
#include "stream_fsm.h"

#include <dubbing_clock.h>
#include <glib.h>
#include <string.h>

struct step {
    int64_t now_ns;
    struct stream_actions *actions;
};

static void act(struct step *step, enum stream_action action)
{
    g_assert(step->actions->n < STREAM_MAX_ACTIONS);
    step->actions->items[step->actions->n++] = action;
}

static void enter(struct stream_fsm *fsm, enum stream_state state)
{
    fsm->state = state;
    fsm->grace_deadline_ns = 0;
    fsm->restart_at_ns = 0;
}

static void start_worker(struct stream_fsm *fsm, struct step *step)
{
    g_assert(!fsm->has_worker);
    fsm->has_worker = true;
    fsm->restart_at_ns = 0;
    act(step, STREAM_ACTION_START_WORKER);
}

static void begin(struct stream_fsm *fsm, struct step *step)
{
    enter(fsm, STREAM_STARTING);
    fsm->restarts.n = 0;
    act(step, STREAM_ACTION_BEGIN_RUN);
    start_worker(fsm, step);
}

static void finish(struct stream_fsm *fsm, struct step *step, enum stream_state state)
{
    enter(fsm, state);
    fsm->by_operator = fsm->by_operator && state == STREAM_DEGRADED;
    act(step, STREAM_ACTION_END_RUN);
}

/* Towards the end of the run, by way of the worker's end where there is one. */
static void wind_down(struct stream_fsm *fsm, struct step *step)
{
    if (!fsm->has_worker) {
        finish(fsm, step, STREAM_IDLE);
        return;
    }
    enter(fsm, STREAM_STOPPING);
    act(step, STREAM_ACTION_STOP_WORKER);
}

static void want(struct stream_fsm *fsm, bool by_operator)
{
    fsm->wanted = true;
    fsm->held = false;
    fsm->by_operator = by_operator;
}

static bool begin_for_publisher(struct stream_fsm *fsm, struct step *step)
{
    want(fsm, false);
    begin(fsm, step);
    return true;
}

static bool begin_unless_held(struct stream_fsm *fsm, struct step *step)
{
    return !fsm->held && begin_for_publisher(fsm, step);
}

static bool begin_for_operator(struct stream_fsm *fsm, struct step *step)
{
    want(fsm, true);
    begin(fsm, step);
    return true;
}

/* A publisher came back within the grace period: the same run goes on. */
static bool publisher_is_back(struct stream_fsm *fsm, struct step *step)
{
    if (fsm->grace_deadline_ns == 0)
        return false;
    fsm->grace_deadline_ns = 0;
    fsm->wanted = true;
    if (!fsm->has_worker && fsm->restart_at_ns == 0)
        start_worker(fsm, step);
    return true;
}

static bool publisher_left(struct stream_fsm *fsm, struct step *step)
{
    if (fsm->by_operator || fsm->grace_deadline_ns != 0)
        return false;
    fsm->wanted = false;
    fsm->grace_deadline_ns = step->now_ns + fsm->grace_ns;
    return true;
}

static bool stop_for_operator(struct stream_fsm *fsm, struct step *step)
{
    fsm->wanted = false;
    fsm->held = true;
    wind_down(fsm, step);
    return true;
}

static bool hold(struct stream_fsm *fsm, struct step *step)
{
    fsm->wanted = false;
    fsm->held = true;
    return true;
}

static bool restart_for_operator(struct stream_fsm *fsm, struct step *step)
{
    fsm->wanted = true;
    if (fsm->has_worker) {
        enter(fsm, STREAM_STOPPING);
        act(step, STREAM_ACTION_STOP_WORKER);
        return true;
    }
    act(step, STREAM_ACTION_END_RUN);
    begin(fsm, step);
    return true;
}

static bool adopt_as(struct stream_fsm *fsm, struct step *step, bool by_operator)
{
    fsm->has_worker = true;
    fsm->restarts.n = 0;
    /* An operator had stopped it, and nobody was left to see to its end. */
    if (fsm->held) {
        wind_down(fsm, step);
        return true;
    }
    want(fsm, by_operator);
    enter(fsm, STREAM_STARTING);
    return true;
}

static bool adopt(struct stream_fsm *fsm, struct step *step)
{
    return adopt_as(fsm, step, false);
}

static bool adopt_for_operator(struct stream_fsm *fsm, struct step *step)
{
    return adopt_as(fsm, step, true);
}

static bool worker_is_up(struct stream_fsm *fsm, struct step *step)
{
    if (!fsm->has_worker)
        return false;
    fsm->state = STREAM_RUNNING; /* the grace period, if one runs, goes on */
    return true;
}

static bool worker_failed(struct stream_fsm *fsm, struct step *step)
{
    if (!fsm->has_worker)
        return false;
    fsm->has_worker = false;
    fsm->state = STREAM_STARTING;
    /* Without a publisher there is nothing to restart for: if one comes back, it starts at once. */
    if (fsm->grace_deadline_ns != 0)
        return true;
    fsm->restart_at_ns = restarts_plan(&fsm->restarts, step->now_ns);
    if (fsm->restart_at_ns < 0)
        finish(fsm, step, STREAM_DEGRADED);
    return true;
}

static bool worker_refused(struct stream_fsm *fsm, struct step *step)
{
    if (!fsm->has_worker)
        return false;
    fsm->has_worker = false;
    finish(fsm, step, fsm->wanted ? STREAM_DEGRADED : STREAM_IDLE);
    return true;
}

/* A file has an end; a live stream's worker that ends by itself was ended by somebody. */
static bool worker_finished(struct stream_fsm *fsm, struct step *step)
{
    if (!fsm->by_operator)
        return worker_failed(fsm, step);
    if (!fsm->has_worker)
        return false;
    fsm->has_worker = false;
    fsm->wanted = false;
    finish(fsm, step, STREAM_IDLE);
    return true;
}

/* The worker that was being stopped has ended, however. */
static bool worker_stopped(struct stream_fsm *fsm, struct step *step)
{
    bool by_operator = fsm->by_operator;
    fsm->has_worker = false;
    finish(fsm, step, STREAM_IDLE);
    if (!fsm->wanted)
        return true;
    fsm->by_operator = by_operator;
    begin(fsm, step);
    return true;
}

static bool check_deadlines(struct stream_fsm *fsm, struct step *step)
{
    if (fsm->grace_deadline_ns != 0 && step->now_ns >= fsm->grace_deadline_ns) {
        wind_down(fsm, step);
        return true;
    }
    if (fsm->restart_at_ns != 0 && step->now_ns >= fsm->restart_at_ns && fsm->grace_deadline_ns == 0) {
        start_worker(fsm, step);
        return true;
    }
    return false;
}

static bool want_again(struct stream_fsm *fsm, struct step *step)
{
    want(fsm, false);
    return true;
}

static bool want_again_unless_held(struct stream_fsm *fsm, struct step *step)
{
    return !fsm->held && want_again(fsm, step);
}

static bool want_again_for_operator(struct stream_fsm *fsm, struct step *step)
{
    want(fsm, true);
    return true;
}

static bool restart_once_stopped(struct stream_fsm *fsm, struct step *step)
{
    want(fsm, fsm->by_operator);
    return true;
}

static bool want_no_more(struct stream_fsm *fsm, struct step *step)
{
    if (fsm->by_operator)
        return false;
    fsm->wanted = false;
    fsm->held = false;
    return true;
}

static bool forget_publisher(struct stream_fsm *fsm, struct step *step)
{
    if (fsm->by_operator)
        return false;
    fsm->wanted = false;
    fsm->held = false;
    fsm->state = STREAM_IDLE;
    return true;
}

static bool leave_degraded(struct stream_fsm *fsm, struct step *step)
{
    fsm->state = STREAM_IDLE;
    fsm->by_operator = false;
    return hold(fsm, step);
}

static bool begin_again(struct stream_fsm *fsm, struct step *step)
{
    want(fsm, fsm->by_operator);
    begin(fsm, step);
    return true;
}

typedef bool (*handler)(struct stream_fsm *fsm, struct step *step);

/* An empty cell: the event makes no sense in this state. */
static const handler table[STREAM_STATE_COUNT][STREAM_EVENT_COUNT] = {
    [STREAM_IDLE] =
        {
            [STREAM_EVENT_READY] = begin_for_publisher,
            [STREAM_EVENT_SEEN] = begin_unless_held,
            [STREAM_EVENT_NOT_READY] = forget_publisher,
            [STREAM_EVENT_START] = begin_for_operator,
            [STREAM_EVENT_STOP] = hold,
            [STREAM_EVENT_ADOPTED] = adopt,
            [STREAM_EVENT_ADOPTED_OPERATOR] = adopt_for_operator,
        },
    [STREAM_STARTING] =
        {
            [STREAM_EVENT_READY] = publisher_is_back,
            [STREAM_EVENT_SEEN] = publisher_is_back,
            [STREAM_EVENT_NOT_READY] = publisher_left,
            [STREAM_EVENT_STOP] = stop_for_operator,
            [STREAM_EVENT_RESTART] = restart_for_operator,
            [STREAM_EVENT_WORKER_UP] = worker_is_up,
            [STREAM_EVENT_WORKER_FAILED] = worker_failed,
            [STREAM_EVENT_WORKER_REFUSED] = worker_refused,
            [STREAM_EVENT_WORKER_FINISHED] = worker_finished,
            [STREAM_EVENT_TICK] = check_deadlines,
        },
    [STREAM_RUNNING] =
        {
            [STREAM_EVENT_READY] = publisher_is_back,
            [STREAM_EVENT_SEEN] = publisher_is_back,
            [STREAM_EVENT_NOT_READY] = publisher_left,
            [STREAM_EVENT_STOP] = stop_for_operator,
            [STREAM_EVENT_RESTART] = restart_for_operator,
            [STREAM_EVENT_WORKER_FAILED] = worker_failed,
            [STREAM_EVENT_WORKER_REFUSED] = worker_refused,
            [STREAM_EVENT_WORKER_FINISHED] = worker_finished,
            [STREAM_EVENT_TICK] = check_deadlines,
        },
    [STREAM_STOPPING] =
        {
            [STREAM_EVENT_READY] = want_again,
            [STREAM_EVENT_SEEN] = want_again_unless_held,
            [STREAM_EVENT_NOT_READY] = want_no_more,
            [STREAM_EVENT_START] = want_again_for_operator,
            [STREAM_EVENT_STOP] = hold,
            [STREAM_EVENT_RESTART] = restart_once_stopped,
            [STREAM_EVENT_WORKER_FAILED] = worker_stopped,
            [STREAM_EVENT_WORKER_REFUSED] = worker_stopped,
            [STREAM_EVENT_WORKER_FINISHED] = worker_stopped,
        },
    [STREAM_DEGRADED] =
        {
            [STREAM_EVENT_READY] = begin_for_publisher,
            [STREAM_EVENT_NOT_READY] = forget_publisher,
            [STREAM_EVENT_START] = begin_for_operator,
            [STREAM_EVENT_STOP] = leave_degraded,
            [STREAM_EVENT_RESTART] = begin_again,
        },
};

void stream_fsm_init(struct stream_fsm *fsm, int64_t grace_ns)
{
    *fsm = (struct stream_fsm){.grace_ns = grace_ns, .state = STREAM_IDLE};
}

void stream_fsm_hold(struct stream_fsm *fsm)
{
    g_assert(fsm->state == STREAM_IDLE);
    fsm->held = true;
}

bool stream_fsm_handle(struct stream_fsm *fsm, enum stream_event event, int64_t now_ns,
                       struct stream_actions *actions)
{
    struct step step = {now_ns, actions};
    handler handle = table[fsm->state][event];
    actions->n = 0;
    return handle != NULL && handle(fsm, &step);
}

int64_t stream_fsm_deadline_ns(const struct stream_fsm *fsm)
{
    if (fsm->grace_deadline_ns != 0)
        return fsm->grace_deadline_ns;
    return fsm->restart_at_ns != 0 ? fsm->restart_at_ns : INT64_MAX;
}

const char *stream_state_name(enum stream_state state)
{
    static const char *const names[] = {
#define X(name, text) text,
        STREAM_STATES(X)
#undef X
    };
    return names[state];
}

const char *stream_event_name(enum stream_event event)
{
    static const char *const names[] = {
#define X(name, text) text,
        STREAM_EVENTS(X)
#undef X
    };
    return names[event];
}

const char *stream_action_name(enum stream_action action)
{
    static const char *const names[] = {
#define X(name, text) text,
        STREAM_ACTIONS(X)
#undef X
    };
    return names[action];
}
