/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "breaker.h"

#define S DUB_NS_PER_S

static void fail_times(struct breaker *breaker, unsigned n, int64_t now_ns)
{
    for (unsigned i = 0; i < n; i++)
        breaker_tell(breaker, breaker_ask(breaker, now_ns), BREAKER_FAILURE, now_ns);
}

static void test_stays_closed_below_five(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, 4, 0);
    g_assert_cmpint(breaker_state(&breaker, 0), ==, DUB_BREAKER_CLOSED);
    g_assert_cmpint(breaker_ask(&breaker, 0), ==, BREAKER_NORMAL);
}

static void test_opens_at_five(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, 5, 7 * S);
    g_assert_cmpint(breaker_state(&breaker, 7 * S), ==, DUB_BREAKER_OPEN);
    g_assert_cmpint(breaker_ask(&breaker, 7 * S), ==, BREAKER_DENIED);
    g_assert_cmpint(breaker_ask(&breaker, 37 * S - 1), ==, BREAKER_DENIED);
}

static void test_success_starts_the_count_again(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, 4, 0);
    breaker_tell(&breaker, breaker_ask(&breaker, 0), BREAKER_SUCCESS, 0);
    fail_times(&breaker, 4, 0);
    g_assert_cmpint(breaker_state(&breaker, 0), ==, DUB_BREAKER_CLOSED);
    fail_times(&breaker, 1, 0);
    g_assert_cmpint(breaker_state(&breaker, 0), ==, DUB_BREAKER_OPEN);
}

static void test_inconclusive_outcomes_count_neither_way(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, 4, 0);
    for (int i = 0; i < 10; i++)
        breaker_tell(&breaker, breaker_ask(&breaker, 0), BREAKER_INCONCLUSIVE, 0);
    g_assert_cmpint(breaker_state(&breaker, 0), ==, DUB_BREAKER_CLOSED);
    fail_times(&breaker, 1, 0);
    g_assert_cmpint(breaker_state(&breaker, 0), ==, DUB_BREAKER_OPEN);
}

static void test_half_open_lets_one_probe_out(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, 5, 0);
    g_assert_cmpint(breaker_state(&breaker, 30 * S), ==, DUB_BREAKER_HALF_OPEN);
    g_assert_cmpint(breaker_ask(&breaker, 30 * S), ==, BREAKER_PROBE);
    g_assert_cmpint(breaker_ask(&breaker, 30 * S), ==, BREAKER_DENIED);
    g_assert_cmpint(breaker_ask(&breaker, 300 * S), ==, BREAKER_DENIED);
}

static void test_probe_decides(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, 5, 0);
    breaker_tell(&breaker, breaker_ask(&breaker, 30 * S), BREAKER_FAILURE, 31 * S);
    g_assert_cmpint(breaker_state(&breaker, 31 * S), ==, DUB_BREAKER_OPEN);
    g_assert_cmpint(breaker_ask(&breaker, 61 * S - 1), ==, BREAKER_DENIED);
    breaker_tell(&breaker, breaker_ask(&breaker, 61 * S), BREAKER_SUCCESS, 62 * S);
    g_assert_cmpint(breaker_state(&breaker, 62 * S), ==, DUB_BREAKER_CLOSED);
    fail_times(&breaker, 4, 62 * S);
    g_assert_cmpint(breaker_state(&breaker, 62 * S), ==, DUB_BREAKER_CLOSED);
}

static void test_inconclusive_probe_is_followed_by_another(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, 5, 0);
    breaker_tell(&breaker, breaker_ask(&breaker, 30 * S), BREAKER_INCONCLUSIVE, 31 * S);
    g_assert_cmpint(breaker_state(&breaker, 31 * S), ==, DUB_BREAKER_HALF_OPEN);
    g_assert_cmpint(breaker_ask(&breaker, 31 * S), ==, BREAKER_PROBE);
}

/* Three were in flight when it opened; what becomes of them later is old news. */
static void test_outcomes_from_before_the_opening_change_nothing(void)
{
    struct breaker breaker = {0};
    enum breaker_permit old = breaker_ask(&breaker, 0);
    fail_times(&breaker, 5, 0);
    breaker_tell(&breaker, old, BREAKER_SUCCESS, S);
    g_assert_cmpint(breaker_state(&breaker, S), ==, DUB_BREAKER_OPEN);
    g_assert_cmpint(breaker_ask(&breaker, 30 * S), ==, BREAKER_PROBE);
    breaker_tell(&breaker, old, BREAKER_SUCCESS, 30 * S);
    g_assert_cmpint(breaker_state(&breaker, 30 * S), ==, DUB_BREAKER_HALF_OPEN);
    breaker_tell(&breaker, old, BREAKER_FAILURE, 30 * S);
    g_assert_cmpint(breaker_state(&breaker, 30 * S), ==, DUB_BREAKER_HALF_OPEN);
    g_assert_cmpint(breaker_ask(&breaker, 30 * S), ==, BREAKER_DENIED);
}

/* Every sequence of eight outcomes, against a count kept beside it. */
static void test_all_short_histories(void)
{
    for (unsigned history = 0; history < 6561; history++) {
        struct breaker breaker = {0};
        unsigned run = 0;
        unsigned rest = history;
        for (int i = 0; i < 8; i++, rest /= 3) {
            enum breaker_permit permit = breaker_ask(&breaker, i);
            g_assert_cmpint(permit, ==, run < 5 ? BREAKER_NORMAL : BREAKER_DENIED);
            if (permit == BREAKER_DENIED)
                continue;
            enum breaker_outcome outcome = (enum breaker_outcome)(rest % 3);
            breaker_tell(&breaker, permit, outcome, i);
            run = outcome == BREAKER_SUCCESS ? 0 : outcome == BREAKER_FAILURE ? run + 1 : run;
        }
    }
}

static void test_names(void)
{
    g_assert_cmpstr(breaker_state_name(DUB_BREAKER_CLOSED), ==, "closed");
    g_assert_cmpstr(breaker_state_name(DUB_BREAKER_HALF_OPEN), ==, "half_open");
    g_assert_cmpstr(breaker_state_name(DUB_BREAKER_OPEN), ==, "open");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/breaker/stays-closed-below-five", test_stays_closed_below_five);
    g_test_add_func("/breaker/opens-at-five", test_opens_at_five);
    g_test_add_func("/breaker/success-starts-the-count-again", test_success_starts_the_count_again);
    g_test_add_func("/breaker/inconclusive-outcomes-count-neither-way",
                    test_inconclusive_outcomes_count_neither_way);
    g_test_add_func("/breaker/half-open-lets-one-probe-out", test_half_open_lets_one_probe_out);
    g_test_add_func("/breaker/probe-decides", test_probe_decides);
    g_test_add_func("/breaker/inconclusive-probe-is-followed-by-another",
                    test_inconclusive_probe_is_followed_by_another);
    g_test_add_func("/breaker/outcomes-from-before-the-opening-change-nothing",
                    test_outcomes_from_before_the_opening_change_nothing);
    g_test_add_func("/breaker/all-short-histories", test_all_short_histories);
    g_test_add_func("/breaker/names", test_names);
    return g_test_run();
}
