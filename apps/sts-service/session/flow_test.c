/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow.h"

static void test_levels(void)
{
    static const struct {
        int max_inflight, inflight;
        enum flow_level level;
    } cases[] = {
        {3, 0, FLOW_FINE},  {3, 3, FLOW_FINE},   {3, 4, FLOW_SLOW_DOWN}, {3, 6, FLOW_SLOW_DOWN},
        {3, 7, FLOW_PAUSE}, {3, 10, FLOW_PAUSE}, {1, 1, FLOW_FINE},      {1, 2, FLOW_SLOW_DOWN},
        {8, 8, FLOW_FINE},  {8, 9, FLOW_PAUSE},  {10, 10, FLOW_FINE},    {6, 7, FLOW_PAUSE},
    };
    struct flow_limits limits = FLOW_DEFAULT_LIMITS;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(flow_level(&limits, cases[i].max_inflight, cases[i].inflight), ==, cases[i].level);
}

static void test_refusal(void)
{
    struct flow_limits limits = FLOW_DEFAULT_LIMITS;
    g_assert_false(flow_refuses(&limits, 0));
    g_assert_false(flow_refuses(&limits, 9));
    g_assert_true(flow_refuses(&limits, 10));
    g_assert_true(flow_refuses(&limits, 11));
}

static void expect_message(enum flow_level level, enum dub_pressure_severity severity,
                           enum dub_pressure_action action, bool names_threshold)
{
    struct dub_backpressure message = flow_message(level);
    g_assert_cmpint(message.severity, ==, severity);
    g_assert_cmpint(message.action, ==, action);
    g_assert_cmpint(message.threshold_exceeded != NULL, ==, names_threshold);
    g_assert_cmpint(message.recommended_delay_ms > 0, ==, names_threshold);
    dub_backpressure_clear(&message);
}

static void test_messages(void)
{
    expect_message(FLOW_FINE, DUB_PRESSURE_LOW, DUB_ACTION_NONE, false);
    expect_message(FLOW_SLOW_DOWN, DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, true);
    expect_message(FLOW_PAUSE, DUB_PRESSURE_HIGH, DUB_ACTION_PAUSE, true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow/levels", test_levels);
    g_test_add_func("/flow/refuses-beyond-ten", test_refusal);
    g_test_add_func("/flow/messages", test_messages);
    return g_test_run();
}
