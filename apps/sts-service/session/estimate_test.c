/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "estimate.h"

#include <glib.h>

static const struct work_time unknown;

static struct work_time of(double busy_ms)
{
    struct work_time time = {0};
    work_time_add(&time, busy_ms);
    return time;
}

static void test_what_is_known_comes_first(void)
{
    const struct work_time stream = of(300), service = of(700);
    const struct estimate_load load = {.parallelism = 1, .duration_ms = 2000, .timeout_ms = 8000};
    g_assert_cmpint(estimate_completion_ms(&unknown, &unknown, &load), ==, 1000);
    g_assert_cmpint(estimate_completion_ms(&unknown, &service, &load), ==, 700);
    g_assert_cmpint(estimate_completion_ms(&stream, &service, &load), ==, 300);
    g_assert_cmpint(estimate_completion_ms(&stream, &unknown, &load), ==, 300);
}

static void test_what_is_ahead_is_waited_for(void)
{
    static const struct {
        unsigned n_ahead, parallelism;
        int64_t expected_ms;
    } cases[] = {
        {0, 1, 300}, {1, 1, 600}, {2, 1, 900}, /* one after the other */
        {0, 2, 300}, {1, 2, 300}, {2, 2, 450}, {3, 2, 600},
        {5, 2, 900}, {2, 4, 300}, {4, 4, 375}, {9, 0, 300}, /* 0: all at a time */
    };
    const struct work_time stream = of(300);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct estimate_load load = {
            .n_ahead = cases[i].n_ahead, .parallelism = cases[i].parallelism, .timeout_ms = 8000};
        g_assert_cmpint(estimate_completion_ms(&stream, &unknown, &load), ==, cases[i].expected_ms);
    }
}

static void test_the_timeout_is_the_latest(void)
{
    const struct work_time stream = of(300);
    const struct estimate_load load = {.n_ahead = 10, .parallelism = 1, .timeout_ms = 1000};
    g_assert_cmpint(estimate_completion_ms(&stream, &unknown, &load), ==, 1000);
}

static void test_a_part_of_a_millisecond_is_not_nothing(void)
{
    const struct work_time stream = of(0.2);
    const struct estimate_load load = {.parallelism = 1, .timeout_ms = 1000};
    g_assert_cmpint(estimate_completion_ms(&stream, &unknown, &load), ==, 1);
}

/* All count alike at first; then what is old fades. */
static void test_the_average_is_of_late(void)
{
    struct work_time time = {0};
    work_time_add(&time, 100);
    work_time_add(&time, 200);
    work_time_add(&time, 600);
    g_assert_cmpfloat_with_epsilon(time.average_ms, 300, 1e-9);
    for (int i = 0; i < 200; i++)
        work_time_add(&time, 50);
    g_assert_cmpfloat_with_epsilon(time.average_ms, 50, 0.01);
    g_assert_cmpuint(time.n, ==, ESTIMATE_WINDOW);
    work_time_add(&time, 50 + 160);
    g_assert_cmpfloat_with_epsilon(time.average_ms, 60, 0.01);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/estimate/what-is-known-comes-first", test_what_is_known_comes_first);
    g_test_add_func("/estimate/what-is-ahead-is-waited-for", test_what_is_ahead_is_waited_for);
    g_test_add_func("/estimate/the-timeout-is-the-latest", test_the_timeout_is_the_latest);
    g_test_add_func("/estimate/a-part-of-a-millisecond-is-not-nothing",
                    test_a_part_of_a_millisecond_is_not_nothing);
    g_test_add_func("/estimate/the-average-is-of-late", test_the_average_is_of_late);
    return g_test_run();
}
