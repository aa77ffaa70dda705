/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "restarts.h"

#include <dubbing_clock.h>
#include <glib.h>

static void test_waits_double_and_end(void)
{
    static const int waits_s[RESTARTS_MAX] = {1, 2, 4, 8, 16, 30};
    struct restarts restarts = {.n = 0};
    int64_t now_ns = 5 * DUB_NS_PER_S;
    for (unsigned i = 0; i < RESTARTS_MAX; i++) {
        g_assert_cmpint(restarts_plan(&restarts, now_ns), ==, now_ns + waits_s[i] * DUB_NS_PER_S);
        now_ns += waits_s[i] * DUB_NS_PER_S;
    }
    g_assert_cmpint(restarts_plan(&restarts, now_ns), ==, -1);
    g_assert_cmpint(restarts_plan(&restarts, now_ns), ==, -1);
}

static void test_what_is_old_is_forgiven(void)
{
    struct restarts restarts = {.n = 0};
    for (unsigned i = 0; i < RESTARTS_MAX; i++)
        restarts_plan(&restarts, i * DUB_NS_PER_S);
    g_assert_cmpint(restarts_plan(&restarts, 600 * DUB_NS_PER_S - 1), ==, -1);
    /* One place is free, and the wait is that of the sixth. */
    g_assert_cmpint(restarts_plan(&restarts, 600 * DUB_NS_PER_S), ==, 630 * DUB_NS_PER_S);
    g_assert_cmpint(restarts_plan(&restarts, 5000 * DUB_NS_PER_S), ==, 5001 * DUB_NS_PER_S);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/restarts/waits-double-and-end", test_waits_double_and_end);
    g_test_add_func("/restarts/what-is-old-is-forgiven", test_what_is_old_is_forgiven);
    return g_test_run();
}
