/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream_fsm.h"

#include <dubbing_clock.h>
#include <glib.h>

#define GRACE_NS (30 * DUB_NS_PER_S)

/* The world around the machine: what its actions have led to. */
struct world {
    struct stream_fsm fsm;
    int64_t now_ns;
    int workers;     /* alive */
    int runs;        /* open */
    bool stop_asked; /* of the worker that lives */
    unsigned n_starts, n_runs;
};

static void apply(struct world *world, enum stream_action action)
{
    switch (action) {
    case STREAM_ACTION_BEGIN_RUN:
        world->runs++;
        world->n_runs++;
        break;
    case STREAM_ACTION_END_RUN:
        world->runs--;
        break;
    case STREAM_ACTION_START_WORKER:
        world->workers++;
        world->n_starts++;
        world->stop_asked = false;
        break;
    case STREAM_ACTION_STOP_WORKER:
        g_assert_cmpint(world->workers, ==, 1);
        world->stop_asked = true;
        break;
    case STREAM_ACTION_COUNT:
        g_assert_not_reached();
    }
}

static bool is_worker_end(enum stream_event event)
{
    return event == STREAM_EVENT_WORKER_FAILED || event == STREAM_EVENT_WORKER_REFUSED ||
           event == STREAM_EVENT_WORKER_FINISHED;
}

static bool is_adoption(enum stream_event event)
{
    return event == STREAM_EVENT_ADOPTED || event == STREAM_EVENT_ADOPTED_OPERATOR;
}

static void check_invariants(const struct world *world)
{
    const struct stream_fsm *fsm = &world->fsm;
    bool active = fsm->state != STREAM_IDLE && fsm->state != STREAM_DEGRADED;
    g_assert_cmpint(world->workers, >=, 0);
    g_assert_cmpint(world->workers, <=, 1);
    g_assert_cmpint(world->runs, ==, active ? 1 : 0);
    g_assert_true(fsm->has_worker == (world->workers == 1));
    g_assert_true(active || world->workers == 0);
    g_assert_true(fsm->state != STREAM_STOPPING || world->stop_asked);
    g_assert_true(fsm->state != STREAM_RUNNING || world->workers == 1);
    /* A stream that only waits has something to wait for. */
    if (fsm->state == STREAM_STARTING && world->workers == 0)
        g_assert_cmpint(stream_fsm_deadline_ns(fsm), <, INT64_MAX);
}

/* What cannot happen in the world is not given to the machine: the end of a worker that is not there. */
static bool feed(struct world *world, enum stream_event event)
{
    struct stream_actions actions = {.n = 0};
    if (is_worker_end(event)) {
        if (world->workers == 0)
            return false;
        world->workers--;
    }
    bool mattered = stream_fsm_handle(&world->fsm, event, world->now_ns, &actions);
    if (is_adoption(event) && mattered) {
        world->workers++;
        world->runs++;
        world->stop_asked = false;
    }
    g_assert_true(mattered || actions.n == 0);
    for (unsigned i = 0; i < actions.n; i++)
        apply(world, actions.items[i]);
    check_invariants(world);
    return mattered;
}

static struct world new_world(void)
{
    struct world world = {.now_ns = DUB_NS_PER_S};
    stream_fsm_init(&world.fsm, GRACE_NS);
    return world;
}

static void pass(struct world *world, int64_t ns)
{
    world->now_ns += ns;
    feed(world, STREAM_EVENT_TICK);
}

#define FEED(world, ...)                                                                                     \
    do {                                                                                                     \
        const enum stream_event events_[] = {__VA_ARGS__};                                                   \
        for (unsigned i_ = 0; i_ < G_N_ELEMENTS(events_); i_++)                                              \
            feed(world, events_[i_]);                                                                        \
    } while (0)

/* A world in each of the states, in the forms that differ in what lies behind them. */
static struct world make_world(unsigned form)
{
    struct world world = new_world();
    switch (form) {
    case 0:
        break;
    case 1:
        FEED(&world, STREAM_EVENT_READY);
        break;
    case 2:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP);
        break;
    case 3:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_NOT_READY);
        break;
    case 4:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_FAILED);
        break;
    case 5:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_NOT_READY, STREAM_EVENT_WORKER_FAILED);
        break;
    case 6:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_STOP);
        break;
    case 7:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_REFUSED);
        break;
    case 8:
        FEED(&world, STREAM_EVENT_START, STREAM_EVENT_WORKER_UP);
        break;
    case 9:
        FEED(&world, STREAM_EVENT_START, STREAM_EVENT_WORKER_REFUSED);
        break;
    case 10:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_STOP, STREAM_EVENT_WORKER_FINISHED);
        break;
    default:
        FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_RESTART);
        break;
    }
    return world;
}

#define N_FORMS 12

/* Every sequence of three events, with and without time passing between them, from every state. */
static void test_at_most_one_worker_ever(void)
{
    static const int64_t waits_ns[] = {0, 2 * DUB_NS_PER_S, GRACE_NS};
    unsigned n = STREAM_EVENT_COUNT;
    unsigned states_seen = 0;
    for (unsigned form = 0; form < N_FORMS; form++)
        for (unsigned wait = 0; wait < G_N_ELEMENTS(waits_ns); wait++)
            for (unsigned sequence = 0; sequence < n * n * n; sequence++) {
                struct world world = make_world(form);
                unsigned events[] = {sequence % n, sequence / n % n, sequence / n / n};
                for (unsigned i = 0; i < 3; i++) {
                    world.now_ns += waits_ns[wait];
                    feed(&world, (enum stream_event)events[i]);
                    states_seen |= 1u << world.fsm.state;
                }
            }
    g_assert_cmpuint(states_seen, ==, (1u << STREAM_STATE_COUNT) - 1);
}

/* Whatever happened, once the publisher is gone and its worker dies, the stream comes to rest. */
static void test_every_stream_comes_to_rest(void)
{
    unsigned n = STREAM_EVENT_COUNT;
    for (unsigned form = 0; form < N_FORMS; form++)
        for (unsigned sequence = 0; sequence < n * n; sequence++) {
            struct world world = make_world(form);
            FEED(&world, (enum stream_event)(sequence % n), (enum stream_event)(sequence / n),
                 STREAM_EVENT_STOP, STREAM_EVENT_WORKER_FAILED);
            g_assert_cmpint(world.workers, ==, 0);
            g_assert_cmpint(world.fsm.state, ==, STREAM_IDLE);
            g_assert_cmpint(stream_fsm_deadline_ns(&world.fsm), ==, INT64_MAX);
        }
}

/* The other side of "at most one": whatever happened, a new publisher gets a worker in the end. */
static void test_every_new_publisher_is_served(void)
{
    unsigned n = STREAM_EVENT_COUNT;
    for (unsigned form = 0; form < N_FORMS; form++)
        for (unsigned sequence = 0; sequence < n * n * n; sequence++) {
            struct world world = make_world(form);
            FEED(&world, (enum stream_event)(sequence % n), (enum stream_event)(sequence / n % n),
                 (enum stream_event)(sequence / n / n), STREAM_EVENT_READY);
            if (world.fsm.state == STREAM_STOPPING)
                FEED(&world, STREAM_EVENT_WORKER_FINISHED);
            pass(&world, GRACE_NS + 30 * DUB_NS_PER_S);
            g_assert_cmpint(world.workers, ==, 1);
            g_assert_false(world.stop_asked);
        }
}

/* Far from the beginning too: long histories, the same ones in each run of this test. */
static void test_long_histories(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20240501);
    unsigned n_degraded = 0;
    for (unsigned history = 0; history < 500; history++) {
        struct world world = new_world();
        for (unsigned i = 0; i < 400; i++) {
            world.now_ns += g_rand_int_range(random, 0, 40) * DUB_NS_PER_S;
            feed(&world, (enum stream_event)g_rand_int_range(random, 0, STREAM_EVENT_COUNT));
            n_degraded += world.fsm.state == STREAM_DEGRADED;
        }
    }
    g_assert_cmpuint(n_degraded, >, 100);
}

/* A publisher that comes and goes every second, for an hour: one run, one worker, and no restart. */
static void test_a_flapping_publisher_keeps_its_worker(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP);
    for (unsigned i = 0; i < 3600; i++) {
        FEED(&world, i % 2 == 0 ? STREAM_EVENT_NOT_READY : STREAM_EVENT_READY);
        pass(&world, DUB_NS_PER_S);
    }
    g_assert_cmpuint(world.n_runs, ==, 1);
    g_assert_cmpuint(world.n_starts, ==, 1);
    g_assert_cmpint(world.fsm.state, ==, STREAM_RUNNING);
}

static void test_publish_and_leave(void)
{
    struct world world = new_world();
    g_assert_true(feed(&world, STREAM_EVENT_READY));
    g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
    g_assert_true(feed(&world, STREAM_EVENT_WORKER_UP));
    g_assert_cmpint(world.fsm.state, ==, STREAM_RUNNING);
    g_assert_true(feed(&world, STREAM_EVENT_NOT_READY));
    pass(&world, GRACE_NS - 1);
    g_assert_cmpint(world.fsm.state, ==, STREAM_RUNNING);
    pass(&world, 1);
    g_assert_cmpint(world.fsm.state, ==, STREAM_STOPPING);
    g_assert_true(feed(&world, STREAM_EVENT_WORKER_FINISHED));
    g_assert_cmpint(world.fsm.state, ==, STREAM_IDLE);
    g_assert_cmpuint(world.n_runs, ==, 1);
}

static void test_ready_within_grace_continues_the_run(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_NOT_READY);
    world.now_ns += GRACE_NS - 1;
    FEED(&world, STREAM_EVENT_READY);
    pass(&world, 10 * GRACE_NS);
    g_assert_cmpint(world.fsm.state, ==, STREAM_RUNNING);
    g_assert_cmpuint(world.n_runs, ==, 1);
    g_assert_cmpuint(world.n_starts, ==, 1);
}

static void test_ready_after_grace_is_a_new_run(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_NOT_READY);
    pass(&world, GRACE_NS);
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_FINISHED);
    g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
    g_assert_cmpuint(world.n_runs, ==, 2);
}

static void test_repeated_hooks_change_nothing(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY);
    g_assert_false(feed(&world, STREAM_EVENT_READY));
    FEED(&world, STREAM_EVENT_NOT_READY);
    int64_t deadline_ns = stream_fsm_deadline_ns(&world.fsm);
    world.now_ns += DUB_NS_PER_S;
    g_assert_false(feed(&world, STREAM_EVENT_NOT_READY));
    g_assert_cmpint(stream_fsm_deadline_ns(&world.fsm), ==, deadline_ns);
    g_assert_cmpuint(world.n_starts, ==, 1);
}

static void test_worker_that_dies_in_grace_starts_at_once_when_the_publisher_is_back(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_NOT_READY,
         STREAM_EVENT_WORKER_FAILED);
    pass(&world, 5 * DUB_NS_PER_S);
    g_assert_cmpint(world.workers, ==, 0);
    FEED(&world, STREAM_EVENT_READY);
    g_assert_cmpint(world.workers, ==, 1);
    g_assert_cmpuint(world.n_runs, ==, 1);
}

/* 1, 2, 4, 8, 16, 30 s; the seventh failure within ten minutes is one too many. */
static void test_backoff_then_degraded(void)
{
    static const int64_t waits_s[] = {1, 2, 4, 8, 16, 30};
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY);
    for (unsigned i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        FEED(&world, STREAM_EVENT_WORKER_UP, STREAM_EVENT_WORKER_FAILED);
        g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
        pass(&world, waits_s[i] * DUB_NS_PER_S - 1);
        g_assert_cmpint(world.workers, ==, 0);
        pass(&world, 1);
        g_assert_cmpint(world.workers, ==, 1);
    }
    FEED(&world, STREAM_EVENT_WORKER_FAILED);
    g_assert_cmpint(world.fsm.state, ==, STREAM_DEGRADED);
    g_assert_cmpuint(world.n_starts, ==, 7);
    /* The list of the router shows the same publisher again and again. */
    g_assert_false(feed(&world, STREAM_EVENT_SEEN));
    g_assert_true(feed(&world, STREAM_EVENT_READY));
    g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
    g_assert_cmpuint(world.fsm.restarts.n, ==, 0);
}

static void test_rare_failures_never_degrade(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY);
    for (unsigned i = 0; i < 50; i++) {
        world.now_ns += 110 * DUB_NS_PER_S;
        FEED(&world, STREAM_EVENT_WORKER_FAILED);
        pass(&world, 30 * DUB_NS_PER_S);
        g_assert_cmpint(world.workers, ==, 1);
    }
}

static void test_refusal_degrades_at_once(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_REFUSED);
    g_assert_cmpint(world.fsm.state, ==, STREAM_DEGRADED);
    FEED(&world, STREAM_EVENT_NOT_READY);
    g_assert_cmpint(world.fsm.state, ==, STREAM_IDLE);
    FEED(&world, STREAM_EVENT_SEEN);
    g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
}

static void test_operator_stop_holds_against_the_list(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_STOP, STREAM_EVENT_SEEN,
         STREAM_EVENT_WORKER_FINISHED, STREAM_EVENT_SEEN);
    g_assert_cmpint(world.fsm.state, ==, STREAM_IDLE);
    /* The publisher left: whoever comes next is a new one. */
    FEED(&world, STREAM_EVENT_NOT_READY, STREAM_EVENT_SEEN);
    g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
}

/* media-service ended between an operator's stop and the worker's end. */
static void test_a_worker_found_running_of_a_stopped_stream_is_stopped(void)
{
    static const enum stream_event adoptions[] = {STREAM_EVENT_ADOPTED, STREAM_EVENT_ADOPTED_OPERATOR};
    for (unsigned i = 0; i < G_N_ELEMENTS(adoptions); i++) {
        struct world world = new_world();
        stream_fsm_hold(&world.fsm);
        FEED(&world, adoptions[i]);
        g_assert_cmpint(world.fsm.state, ==, STREAM_STOPPING);
        g_assert_true(world.stop_asked);
        FEED(&world, STREAM_EVENT_SEEN, STREAM_EVENT_WORKER_FAILED, STREAM_EVENT_SEEN);
        g_assert_cmpint(world.fsm.state, ==, STREAM_IDLE);
        FEED(&world, STREAM_EVENT_READY);
        g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
    }
}

static void test_operator_stream_needs_no_publisher(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_START, STREAM_EVENT_WORKER_UP);
    g_assert_false(feed(&world, STREAM_EVENT_NOT_READY));
    pass(&world, 2 * GRACE_NS);
    g_assert_cmpint(world.fsm.state, ==, STREAM_RUNNING);
    FEED(&world, STREAM_EVENT_WORKER_FINISHED);
    g_assert_cmpint(world.fsm.state, ==, STREAM_IDLE);
    g_assert_cmpint(world.workers, ==, 0);
}

static void test_live_worker_that_ends_by_itself_is_restarted(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_WORKER_FINISHED);
    pass(&world, DUB_NS_PER_S);
    g_assert_cmpint(world.workers, ==, 1);
}

static void test_a_publisher_that_comes_and_goes_while_the_worker_stops(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_READY, STREAM_EVENT_WORKER_UP, STREAM_EVENT_STOP, STREAM_EVENT_READY,
         STREAM_EVENT_NOT_READY, STREAM_EVENT_WORKER_FINISHED);
    g_assert_cmpint(world.fsm.state, ==, STREAM_IDLE);
    g_assert_cmpuint(world.n_starts, ==, 1);
}

static void test_restart_is_a_new_run_of_the_same_kind(void)
{
    struct world world = new_world();
    FEED(&world, STREAM_EVENT_START, STREAM_EVENT_WORKER_UP, STREAM_EVENT_RESTART,
         STREAM_EVENT_WORKER_FINISHED);
    g_assert_cmpint(world.fsm.state, ==, STREAM_STARTING);
    g_assert_true(world.fsm.by_operator);
    g_assert_cmpuint(world.n_runs, ==, 2);
    FEED(&world, STREAM_EVENT_WORKER_REFUSED, STREAM_EVENT_RESTART);
    g_assert_true(world.fsm.by_operator);
    g_assert_cmpuint(world.n_runs, ==, 3);
}

static void test_names(void)
{
    g_assert_cmpstr(stream_state_name(STREAM_DEGRADED), ==, "degraded");
    g_assert_cmpstr(stream_event_name(STREAM_EVENT_NOT_READY), ==, "not-ready");
    g_assert_cmpstr(stream_action_name(STREAM_ACTION_END_RUN), ==, "end-run");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream-fsm/at-most-one-worker-ever", test_at_most_one_worker_ever);
    g_test_add_func("/stream-fsm/every-stream-comes-to-rest", test_every_stream_comes_to_rest);
    g_test_add_func("/stream-fsm/every-new-publisher-is-served", test_every_new_publisher_is_served);
    g_test_add_func("/stream-fsm/long-histories", test_long_histories);
    g_test_add_func("/stream-fsm/a-flapping-publisher-keeps-its-worker",
                    test_a_flapping_publisher_keeps_its_worker);
    g_test_add_func("/stream-fsm/publish-and-leave", test_publish_and_leave);
    g_test_add_func("/stream-fsm/ready-within-grace-continues-the-run",
                    test_ready_within_grace_continues_the_run);
    g_test_add_func("/stream-fsm/ready-after-grace-is-a-new-run", test_ready_after_grace_is_a_new_run);
    g_test_add_func("/stream-fsm/repeated-hooks-change-nothing", test_repeated_hooks_change_nothing);
    g_test_add_func("/stream-fsm/worker-that-dies-in-grace-starts-at-once-when-the-publisher-is-back",
                    test_worker_that_dies_in_grace_starts_at_once_when_the_publisher_is_back);
    g_test_add_func("/stream-fsm/backoff-then-degraded", test_backoff_then_degraded);
    g_test_add_func("/stream-fsm/rare-failures-never-degrade", test_rare_failures_never_degrade);
    g_test_add_func("/stream-fsm/refusal-degrades-at-once", test_refusal_degrades_at_once);
    g_test_add_func("/stream-fsm/operator-stop-holds-against-the-list",
                    test_operator_stop_holds_against_the_list);
    g_test_add_func("/stream-fsm/a-worker-found-running-of-a-stopped-stream-is-stopped",
                    test_a_worker_found_running_of_a_stopped_stream_is_stopped);
    g_test_add_func("/stream-fsm/operator-stream-needs-no-publisher",
                    test_operator_stream_needs_no_publisher);
    g_test_add_func("/stream-fsm/live-worker-that-ends-by-itself-is-restarted",
                    test_live_worker_that_ends_by_itself_is_restarted);
    g_test_add_func("/stream-fsm/a-publisher-that-comes-and-goes-while-the-worker-stops",
                    test_a_publisher_that_comes_and_goes_while_the_worker_stops);
    g_test_add_func("/stream-fsm/restart-is-a-new-run-of-the-same-kind",
                    test_restart_is_a_new_run_of_the_same_kind);
    g_test_add_func("/stream-fsm/names", test_names);
    return g_test_run();
}
