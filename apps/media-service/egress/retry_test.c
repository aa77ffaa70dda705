/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retry.h"

#include <dubbing_clock.h>
#include <glib.h>

#define BASE_NS (DUB_NS_PER_S / 2)
#define MAX_NS (10 * DUB_NS_PER_S)

static void test_waits_double_to_the_maximum(void)
{
    static const int64_t expected_ms[] = {500, 1000, 2000, 4000, 8000, 10000, 10000, 10000};
    struct retry retry;
    retry_init(&retry, BASE_NS, MAX_NS);
    for (unsigned i = 0; i < G_N_ELEMENTS(expected_ms); i++)
        g_assert_cmpint(retry_lost(&retry, i, 0), ==, expected_ms[i] * DUB_NS_PER_MS);
}

static void test_jitter_shortens_by_a_quarter_at_most(void)
{
    struct retry retry;
    retry_init(&retry, BASE_NS, MAX_NS);
    g_assert_cmpint(retry_lost(&retry, 1, 1), ==, BASE_NS * 3 / 4);
    g_assert_cmpint(retry_lost(&retry, 1, 0.5), ==, BASE_NS * 2 * 7 / 8);
}

static void test_a_brief_connection_does_not_begin_anew(void)
{
    struct retry retry;
    retry_init(&retry, BASE_NS, MAX_NS);
    retry_lost(&retry, 1, 0);
    retry_up(&retry, DUB_NS_PER_S);
    g_assert_cmpint(retry_lost(&retry, DUB_NS_PER_S + MAX_NS - 1, 0), ==, 2 * BASE_NS);
    retry_up(&retry, DUB_NS_PER_S);
    g_assert_cmpint(retry_lost(&retry, DUB_NS_PER_S + MAX_NS, 0), ==, BASE_NS);
    /* An attempt that failed was never up. */
    g_assert_cmpint(retry_lost(&retry, 100 * MAX_NS, 0), ==, 2 * BASE_NS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/retry/waits-double-to-the-maximum", test_waits_double_to_the_maximum);
    g_test_add_func("/retry/jitter-shortens-by-a-quarter-at-most", test_jitter_shortens_by_a_quarter_at_most);
    g_test_add_func("/retry/a-brief-connection-does-not-begin-anew",
                    test_a_brief_connection_does_not_begin_anew);
    return g_test_run();
}
