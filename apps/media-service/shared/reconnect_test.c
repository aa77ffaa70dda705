/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reconnect.h"

#include <dubbing_clock.h>

#define S DUB_NS_PER_S

static void test_waits_1_2_4_4_until_grace_ends(void)
{
    static const int64_t expected_s[] = {1, 2, 4, 4, 4};
    struct reconnect reconnect;
    int64_t now_ns = 50 * S;

    reconnect_init(&reconnect, 18 * S);
    for (size_t i = 0; i < G_N_ELEMENTS(expected_s); i++) {
        int64_t wait_ns = reconnect_lost(&reconnect, now_ns);
        g_assert_cmpint(wait_ns, ==, expected_s[i] * S);
        now_ns += wait_ns;
    }
    /* 15 s have passed: the last attempt comes when the grace period ends. */
    g_assert_cmpint(reconnect_lost(&reconnect, now_ns), ==, 3 * S);
    g_assert_cmpint(reconnect_lost(&reconnect, now_ns + 3 * S), ==, -1);
}

static void test_begins_anew_after_success(void)
{
    struct reconnect reconnect;

    reconnect_init(&reconnect, 30 * S);
    g_assert_false(reconnect_restored(&reconnect));
    g_assert_cmpint(reconnect_lost(&reconnect, 0), ==, S);
    g_assert_cmpint(reconnect_lost(&reconnect, S), ==, 2 * S);
    g_assert_true(reconnect_restored(&reconnect));
    g_assert_false(reconnect_restored(&reconnect));
    g_assert_cmpint(reconnect_lost(&reconnect, 100 * S), ==, S);
}

static void test_tells_when_the_grace_is_over(void)
{
    struct reconnect reconnect;

    reconnect_init(&reconnect, 5 * S);
    g_assert_false(reconnect_is_over(&reconnect, 100 * S));
    reconnect_lost(&reconnect, 100 * S);
    g_assert_false(reconnect_is_over(&reconnect, 105 * S - 1));
    g_assert_true(reconnect_is_over(&reconnect, 105 * S));
    reconnect_restored(&reconnect);
    g_assert_false(reconnect_is_over(&reconnect, 200 * S));
}

static void test_no_grace_is_no_retry(void)
{
    struct reconnect reconnect;

    reconnect_init(&reconnect, 0);
    g_assert_cmpint(reconnect_lost(&reconnect, 7 * S), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reconnect/waits-1-2-4-4-until-grace-ends", test_waits_1_2_4_4_until_grace_ends);
    g_test_add_func("/reconnect/begins-anew-after-success", test_begins_anew_after_success);
    g_test_add_func("/reconnect/tells-when-the-grace-is-over", test_tells_when_the_grace_is_over);
    g_test_add_func("/reconnect/no-grace-is-no-retry", test_no_grace_is_no_retry);
    return g_test_run();
}
