/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "deadlines.h"

struct stand {
    struct dub_fake_clock clock;
    struct deadlines *deadlines;
    unsigned n_due;
    int64_t due_ns;
};

static void on_due(int64_t now_ns, void *user)
{
    struct stand *stand = user;
    stand->n_due++;
    stand->due_ns = now_ns;
}

static void open_stand(struct stand *stand)
{
    *stand = (struct stand){0};
    dub_fake_clock_init(&stand->clock, 1000);
    stand->deadlines = deadlines_new(&stand->clock.clock, on_due, stand);
}

/* Moves the clock and says how often it was due by then. */
static unsigned advance(struct stand *stand, int64_t by_ns)
{
    unsigned before = stand->n_due;
    dub_fake_clock_advance(&stand->clock, by_ns);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    return stand->n_due - before;
}

static void test_earliest_first(void)
{
    struct stand stand;
    open_stand(&stand);
    deadlines_add(stand.deadlines, "late", 3000);
    deadlines_add(stand.deadlines, "early", 2000);
    deadlines_add(stand.deadlines, "as early", 2000);
    g_assert_cmpuint(advance(&stand, 999), ==, 0);
    g_assert_cmpuint(advance(&stand, 1), ==, 1);
    g_assert_cmpint(stand.due_ns, ==, 2000);
    g_assert_cmpuint(advance(&stand, 500), ==, 0);
    g_assert_cmpuint(advance(&stand, 5000), ==, 1);
    g_assert_cmpuint(advance(&stand, 5000), ==, 0);
    deadlines_free(stand.deadlines);
    deadlines_free(NULL);
}

static void test_remove(void)
{
    struct stand stand;
    static const char what[2];
    open_stand(&stand);
    deadlines_add(stand.deadlines, &what[0], 2000);
    deadlines_add(stand.deadlines, &what[1], 3000);
    deadlines_remove(stand.deadlines, &what[0]);
    deadlines_remove(stand.deadlines, &what[0]);
    g_assert_cmpuint(advance(&stand, 1500), ==, 0);
    g_assert_cmpuint(advance(&stand, 1500), ==, 1);
    deadlines_add(stand.deadlines, &what[0], 90000);
    deadlines_free(stand.deadlines);
}

/* On the real clock the loop wakes up by itself. */
static void test_wakes_the_loop(void)
{
    struct stand stand = {0};
    stand.deadlines = deadlines_new(dub_clock_monotonic(), on_due, &stand);
    deadlines_add(stand.deadlines, "soon", dub_clock_now_ns(dub_clock_monotonic()) + 5 * DUB_NS_PER_MS);
    while (stand.n_due == 0)
        g_main_context_iteration(NULL, TRUE);
    deadlines_free(stand.deadlines);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/deadlines/earliest-first", test_earliest_first);
    g_test_add_func("/deadlines/removed-ones-are-not-due", test_remove);
    g_test_add_func("/deadlines/wakes-the-loop", test_wakes_the_loop);
    return g_test_run();
}
