/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rate_limit.h"

#include <dubbing_clock.h>
#include <glib.h>

static int count_allowed(struct rate_limit *limit, int64_t now_ns, int tries)
{
    int n = 0;
    for (int i = 0; i < tries; i++)
        n += rate_limit_allows(limit, now_ns);
    return n;
}

static void test_burst_then_rate(void)
{
    struct rate_limit limit;
    rate_limit_init(&limit, 50, 0);
    g_assert_cmpint(count_allowed(&limit, 0, 1000), ==, 100);
    g_assert_cmpint(count_allowed(&limit, DUB_NS_PER_S / 2, 1000), ==, 25);
    g_assert_cmpint(count_allowed(&limit, DUB_NS_PER_S / 2, 1000), ==, 0);
    g_assert_cmpint(count_allowed(&limit, 100 * DUB_NS_PER_S, 1000), ==, 100);
}

static void test_no_limit(void)
{
    struct rate_limit limit;
    rate_limit_init(&limit, 0, 0);
    g_assert_cmpint(count_allowed(&limit, 0, 100000), ==, 100000);
    g_assert_false(rate_limit_is_flooded(&limit));
}

static void test_flood(void)
{
    struct rate_limit limit;
    rate_limit_init(&limit, 10, 0);
    count_allowed(&limit, 0, 20 + 100);
    g_assert_false(rate_limit_is_flooded(&limit));
    count_allowed(&limit, 0, 1);
    g_assert_true(rate_limit_is_flooded(&limit));
    /* A pause long enough to fill the bucket makes up for it. */
    count_allowed(&limit, 3 * DUB_NS_PER_S, 1);
    g_assert_false(rate_limit_is_flooded(&limit));
}

static void test_a_clock_that_stands_still_gives_nothing(void)
{
    struct rate_limit limit;
    rate_limit_init(&limit, 1, DUB_NS_PER_S);
    g_assert_cmpint(count_allowed(&limit, DUB_NS_PER_S, 5), ==, 2);
    g_assert_cmpint(count_allowed(&limit, 0, 5), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rate-limit/burst-then-rate", test_burst_then_rate);
    g_test_add_func("/rate-limit/zero-is-no-limit", test_no_limit);
    g_test_add_func("/rate-limit/flood", test_flood);
    g_test_add_func("/rate-limit/clock-that-stands-still", test_a_clock_that_stands_still_gives_nothing);
    return g_test_run();
}
