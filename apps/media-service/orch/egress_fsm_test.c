/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "egress_fsm.h"

#include <dubbing_clock.h>
#include <glib.h>

/* The machine with a process that does what it says. */
struct world {
    struct egress_fsm fsm;
    int64_t now_ns;
    bool alive, told_to_stop;
    unsigned n_starts, n_stops;
};

/* Carries out what there is to do, and holds the machine to its word. */
static void settle(struct world *world)
{
    enum egress_action action = egress_fsm_step(&world->fsm, world->now_ns);
    if (action == EGRESS_START) {
        g_assert_false(world->alive);
        g_assert_true(world->fsm.wanted && world->fsm.run && world->fsm.output_runs);
        world->alive = true;
        world->told_to_stop = false;
        world->n_starts++;
    } else if (action == EGRESS_STOP) {
        g_assert_true(world->alive);
        g_assert_false(world->told_to_stop);
        world->told_to_stop = true;
        world->n_stops++;
    }
    g_assert_cmpint(egress_fsm_step(&world->fsm, world->now_ns), ==, EGRESS_NOTHING);
    g_assert_true(world->fsm.has_process == world->alive);
    /* A process that must not be is on its way out. */
    if (world->alive && (!world->fsm.wanted || !world->fsm.run || world->fsm.stale))
        g_assert_true(world->told_to_stop);
    int64_t deadline_ns = egress_fsm_deadline_ns(&world->fsm);
    g_assert_true(deadline_ns > world->now_ns);
}

enum happening {
    WANT,
    WANT_ANOTHER,
    UNWANT,
    STREAM_STARTS,
    OUTPUT_RUNS,
    STREAM_ENDS,
    FAIL,
    REFUSE,
    WAIT,
    N_HAPPENINGS
};

static void end_process(struct world *world, enum egress_end end)
{
    if (!world->alive)
        return;
    world->alive = world->told_to_stop = false;
    egress_fsm_ended(&world->fsm, end, world->now_ns);
}

static void happen(struct world *world, enum happening happening)
{
    world->now_ns += DUB_NS_PER_MS;
    switch (happening) {
    case WANT:
        egress_fsm_want(&world->fsm, false);
        break;
    case WANT_ANOTHER:
        egress_fsm_want(&world->fsm, true);
        break;
    case UNWANT:
        egress_fsm_unwant(&world->fsm);
        break;
    case STREAM_STARTS:
        egress_fsm_set_stream(&world->fsm, true, false);
        break;
    case OUTPUT_RUNS:
        egress_fsm_set_stream(&world->fsm, true, true);
        break;
    case STREAM_ENDS:
        egress_fsm_set_stream(&world->fsm, false, false);
        break;
    case FAIL:
        end_process(world, EGRESS_END_FAILED);
        break;
    case REFUSE:
        end_process(world, EGRESS_END_REFUSED);
        break;
    case WAIT:
        world->now_ns += 60 * DUB_NS_PER_S;
        break;
    case N_HAPPENINGS:
        break;
    }
    settle(world);
}

static void happen_all(struct world *world, const enum happening *happenings, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        happen(world, happenings[i]);
}

static struct world forwarding(void)
{
    struct world world = {.now_ns = DUB_NS_PER_S};
    happen_all(&world, (const enum happening[]){WANT, STREAM_STARTS, OUTPUT_RUNS}, 3);
    g_assert_true(world.alive);
    return world;
}

/* Every sequence of so many happenings; settle() looks at each step. Afterwards it still can be made to run.
 */
static void test_every_sequence(void)
{
    unsigned n_sequences = 1, length = 5;
    for (unsigned i = 0; i < length; i++)
        n_sequences *= N_HAPPENINGS;
    for (unsigned sequence = 0; sequence < n_sequences; sequence++) {
        struct world world = {.now_ns = DUB_NS_PER_S};
        for (unsigned rest = sequence, i = 0; i < length; i++, rest /= N_HAPPENINGS)
            happen(&world, (enum happening)(rest % N_HAPPENINGS));
        happen_all(&world, (const enum happening[]){WANT, OUTPUT_RUNS}, 2);
        if (world.told_to_stop)
            happen(&world, FAIL);
        g_assert_true(world.alive && !world.told_to_stop);
    }
}

static void test_it_begins_with_the_output(void)
{
    struct world world = {.now_ns = DUB_NS_PER_S};
    happen_all(&world, (const enum happening[]){WANT, STREAM_STARTS}, 2);
    g_assert_cmpuint(world.n_starts, ==, 0);
    g_assert_cmpint(egress_fsm_state(&world.fsm), ==, EGRESS_WAITING);
    happen(&world, OUTPUT_RUNS);
    g_assert_cmpuint(world.n_starts, ==, 1);
    g_assert_cmpint(egress_fsm_state(&world.fsm), ==, EGRESS_STARTING);
    happen(&world, STREAM_ENDS);
    g_assert_cmpint(egress_fsm_state(&world.fsm), ==, EGRESS_STOPPING);
    happen(&world, FAIL);
    g_assert_cmpint(egress_fsm_state(&world.fsm), ==, EGRESS_OFF);
}

static void test_a_worker_that_is_restarted_does_not_disturb_it(void)
{
    struct world world = forwarding();
    happen_all(&world, (const enum happening[]){STREAM_STARTS, WAIT, OUTPUT_RUNS}, 3);
    g_assert_cmpuint(world.n_starts, ==, 1);
    g_assert_cmpuint(world.n_stops, ==, 0);
    /* Its input stayed away too long: no failure of its own. */
    happen_all(&world, (const enum happening[]){STREAM_STARTS, FAIL, OUTPUT_RUNS}, 3);
    g_assert_cmpuint(world.n_starts, ==, 2);
    g_assert_cmpuint(world.fsm.restarts.n, ==, 0);
}

static void test_restarts_wait_and_end(void)
{
    static const int waits_s[] = {1, 2, 4, 8, 16, 30};
    struct world world = forwarding();
    for (unsigned i = 0; i < RESTARTS_MAX; i++) {
        happen(&world, FAIL);
        g_assert_cmpint(egress_fsm_state(&world.fsm), ==, EGRESS_RESTARTING);
        g_assert_cmpint(egress_fsm_deadline_ns(&world.fsm) - world.now_ns, ==, waits_s[i] * DUB_NS_PER_S);
        world.now_ns = egress_fsm_deadline_ns(&world.fsm);
        settle(&world);
        g_assert_cmpuint(world.n_starts, ==, i + 2);
    }
    happen(&world, FAIL);
    g_assert_cmpint(egress_fsm_state(&world.fsm), ==, EGRESS_FAILED);
    happen_all(&world, (const enum happening[]){WAIT, STREAM_STARTS, OUTPUT_RUNS}, 3);
    g_assert_false(world.alive);
    happen(&world, WANT);
    g_assert_true(world.alive);
}

static void test_what_a_restart_cannot_help(void)
{
    struct world world = forwarding();
    happen(&world, REFUSE);
    g_assert_cmpint(egress_fsm_state(&world.fsm), ==, EGRESS_FAILED);
    /* The next run tries anew. */
    happen_all(&world, (const enum happening[]){STREAM_ENDS, STREAM_STARTS, OUTPUT_RUNS}, 3);
    g_assert_true(world.alive);
}

static void test_another_destination(void)
{
    struct world world = forwarding();
    happen(&world, WANT);
    g_assert_cmpuint(world.n_stops, ==, 0);
    happen(&world, WANT_ANOTHER);
    g_assert_cmpuint(world.n_stops, ==, 1);
    g_assert_cmpuint(world.n_starts, ==, 1);
    happen(&world, WANT_ANOTHER);
    happen(&world, FAIL);
    g_assert_cmpuint(world.n_starts, ==, 2);
    g_assert_cmpuint(world.fsm.restarts.n, ==, 0);
    happen(&world, UNWANT);
    g_assert_cmpuint(world.n_stops, ==, 2);
}

static void test_adoption(void)
{
    struct world world = {.now_ns = DUB_NS_PER_S, .alive = true};
    egress_fsm_want(&world.fsm, false);
    egress_fsm_set_stream(&world.fsm, true, false);
    egress_fsm_adopted(&world.fsm, false);
    settle(&world);
    happen(&world, OUTPUT_RUNS);
    g_assert_cmpuint(world.n_stops + world.n_starts, ==, 0);

    egress_fsm_adopted(&world.fsm, true);
    settle(&world);
    g_assert_cmpuint(world.n_stops, ==, 1);

    /* A left over one without a stream is ended. */
    struct world orphan = {.now_ns = DUB_NS_PER_S, .alive = true};
    egress_fsm_adopted(&orphan.fsm, false);
    settle(&orphan);
    g_assert_cmpuint(orphan.n_stops, ==, 1);
}

static void test_names(void)
{
    g_assert_cmpstr(egress_state_name(EGRESS_OFF), ==, "off");
    g_assert_cmpstr(egress_state_name(EGRESS_FAILED), ==, "failed");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/egress-fsm/every-sequence", test_every_sequence);
    g_test_add_func("/egress-fsm/it-begins-with-the-output", test_it_begins_with_the_output);
    g_test_add_func("/egress-fsm/a-worker-that-is-restarted-does-not-disturb-it",
                    test_a_worker_that_is_restarted_does_not_disturb_it);
    g_test_add_func("/egress-fsm/restarts-wait-and-end", test_restarts_wait_and_end);
    g_test_add_func("/egress-fsm/what-a-restart-cannot-help", test_what_a_restart_cannot_help);
    g_test_add_func("/egress-fsm/another-destination", test_another_destination);
    g_test_add_func("/egress-fsm/adoption", test_adoption);
    g_test_add_func("/egress-fsm/names", test_names);
    return g_test_run();
}
