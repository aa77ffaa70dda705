/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "refusal_log.h"

#include <dubbing_clock.h>

#define WINDOW_NS (REFUSAL_LOG_WINDOW_MS * DUB_NS_PER_MS)

static void expect(struct refusal_log *log, int64_t now_ns, unsigned n_left_out)
{
    unsigned n = 0;
    g_assert_true(refusal_log_allows(log, now_ns, &n));
    g_assert_cmpuint(n, ==, n_left_out);
}

static void expect_none(struct refusal_log *log, int64_t now_ns)
{
    unsigned n = 0;
    g_assert_false(refusal_log_allows(log, now_ns, &n));
}

static void test_some_lines_then_their_number(void)
{
    struct refusal_log log = {0};
    const int64_t start_ns = 5 * WINDOW_NS + 7;
    for (int i = 0; i < REFUSAL_LOG_LINES; i++)
        expect(&log, start_ns + i, 0);
    for (int i = 0; i < 1000; i++)
        expect_none(&log, start_ns + WINDOW_NS - 1);
    expect(&log, start_ns + WINDOW_NS, 1000);
    for (int i = 1; i < REFUSAL_LOG_LINES; i++)
        expect(&log, start_ns + WINDOW_NS + 1, 0);
    expect_none(&log, start_ns + WINDOW_NS + 1);
    g_assert_cmpuint(log.n_left_out, ==, 1);
    refusal_log_close(&log, NULL);
    g_assert_cmpuint(log.n_left_out, ==, 0);
}

static void test_a_refusal_now_and_then_is_always_written(void)
{
    struct refusal_log log = {0};
    for (int i = 0; i < 100; i++)
        expect(&log, i * WINDOW_NS / REFUSAL_LOG_LINES, 0);
}

static void test_what_is_written(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*refused 0*refused 9*2 more refusals were not logged*");
        g_test_trap_assert_stderr_unmatched("*refused 10*");
        return;
    }
    struct refusal_log log = {0};
    for (int i = 0; i < REFUSAL_LOG_LINES + 2; i++)
        refusal_log_write(&log, 0, NULL, "refused %d", i);
    refusal_log_close(&log, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/refusal-log/some-lines-then-their-number", test_some_lines_then_their_number);
    g_test_add_func("/refusal-log/a-refusal-now-and-then-is-always-written",
                    test_a_refusal_now_and_then_is_always_written);
    g_test_add_func("/refusal-log/what-is-written", test_what_is_written);
    return g_test_run();
}
