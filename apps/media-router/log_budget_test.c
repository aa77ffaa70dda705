/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log_budget.h"

#include <dubbing_log.h>
#include <string.h>

struct fixture {
    struct dub_fake_clock clock;
    struct log_budget budget;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    dub_fake_clock_init(&fixture->clock, 0);
    log_budget_init(&fixture->budget, &fixture->clock.clock, "peers", 3);
}

static unsigned take_many(struct fixture *fixture, unsigned n)
{
    unsigned taken = 0;
    while (n-- > 0)
        taken += log_budget_take(&fixture->budget);
    return taken;
}

static void test_a_flood_is_cut(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(take_many(fixture, 100), ==, 3);
    dub_fake_clock_advance(&fixture->clock, LOG_BUDGET_WINDOW_NS - 1);
    g_assert_cmpuint(take_many(fixture, 100), ==, 0);
    g_assert_cmpuint(fixture->budget.total_left_out, ==, 197);
}

static void test_the_next_window_says_it(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(take_many(fixture, 10), ==, 3);
    dub_fake_clock_advance(&fixture->clock, LOG_BUDGET_WINDOW_NS);
    g_assert_cmpuint(fixture->budget.left_out, ==, 7);
    log_budget_tick(&fixture->budget); /* the line is written here */
    g_assert_cmpuint(fixture->budget.left_out, ==, 0);
    g_assert_cmpuint(fixture->budget.total_left_out, ==, 7);
    g_assert_cmpuint(take_many(fixture, 10), ==, 3);
}

/* In a process of its own, whose stderr is looked at. */
static void test_what_is_said(struct fixture *fixture, gconstpointer data)
{
    if (g_test_subprocess()) {
        dub_log_init(&(struct dub_log_config){.component = "test", .level = "info", .format = "text"});
        take_many(fixture, 10);
        dub_fake_clock_advance(&fixture->clock, 12 * DUB_NS_PER_S);
        log_budget_tick(&fixture->budget);
        dub_log_clear();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*7 more lines about peers were left out in the last 12 s*");
}

#define ADD(name, function) g_test_add("/log-budget/" name, struct fixture, NULL, setup, function, NULL)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-flood-is-cut", test_a_flood_is_cut);
    ADD("the-next-window-says-it", test_the_next_window_says_it);
    ADD("what-is-said", test_what_is_said);
    return g_test_run();
}
