/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange_flow.h"

#define MS DUB_NS_PER_MS
#define S DUB_NS_PER_S

static struct dub_backpressure pressure_of(enum dub_pressure_severity severity,
                                           enum dub_pressure_action action, int delay_ms)
{
    return (struct dub_backpressure){
        .severity = severity, .action = action, .recommended_delay_ms = delay_ms};
}

static void test_flow_holds_both_limits(void)
{
    struct flow flow;
    flow_init(&flow, 3);
    g_assert_cmpint(flow_next_send_ns(&flow, 2, 10), ==, 10);
    g_assert_cmpint(flow_next_send_ns(&flow, 3, 10), ==, INT64_MAX);
    flow_set_service_limit(&flow, 2);
    g_assert_cmpint(flow_next_send_ns(&flow, 2, 10), ==, INT64_MAX);
    flow_set_service_limit(&flow, 10);
    g_assert_cmpint(flow_next_send_ns(&flow, 2, 10), ==, 10);
    g_assert_cmpint(flow_next_send_ns(&flow, 3, 10), ==, INT64_MAX);
}

static void test_flow_slows_down_until_none(void)
{
    struct flow flow;
    flow_init(&flow, 10);
    flow_note_sent(&flow, 1 * S);
    struct dub_backpressure slow = pressure_of(DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, 500);
    flow_on_backpressure(&flow, &slow, 1 * S);
    g_assert_cmpuint(flow.severity, ==, 2);
    g_assert_cmpint(flow_next_send_ns(&flow, 4, 1 * S), ==, 1500 * MS);
    g_assert_cmpint(flow_next_send_ns(&flow, 4, 2 * S), ==, 2 * S);
    struct dub_backpressure none = pressure_of(DUB_PRESSURE_LOW, DUB_ACTION_NONE, 500);
    flow_on_backpressure(&flow, &none, 1 * S);
    g_assert_cmpuint(flow.severity, ==, 0);
    g_assert_cmpint(flow_next_send_ns(&flow, 4, 1 * S), ==, 1 * S);
}

static void test_flow_pauses_but_not_for_ever(void)
{
    struct flow flow;
    flow_init(&flow, 10);
    struct dub_backpressure pause = pressure_of(DUB_PRESSURE_HIGH, DUB_ACTION_PAUSE, 0);
    flow_on_backpressure(&flow, &pause, 1 * S);
    g_assert_cmpuint(flow.severity, ==, 3);
    g_assert_true(flow_is_paused(&flow, 2 * S));
    g_assert_cmpint(flow_next_send_ns(&flow, 0, 2 * S), ==, 1 * S + FLOW_MAX_PAUSE_NS);
    g_assert_false(flow_is_paused(&flow, 1 * S + FLOW_MAX_PAUSE_NS));
    struct dub_backpressure slow = pressure_of(DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, 100);
    flow_on_backpressure(&flow, &slow, 3 * S);
    g_assert_cmpint(flow_next_send_ns(&flow, 0, 3 * S), ==, 3 * S);
}

static void test_flow_bounds_an_absurd_delay(void)
{
    struct flow flow;
    flow_init(&flow, 10);
    flow_note_sent(&flow, 0);
    struct dub_backpressure slow = pressure_of(DUB_PRESSURE_LOW, DUB_ACTION_SLOW_DOWN, G_MAXINT);
    flow_on_backpressure(&flow, &slow, 0);
    g_assert_cmpint(flow_next_send_ns(&flow, 0, 0), ==, FLOW_MAX_DELAY_MS * MS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-flow/holds-both-limits", test_flow_holds_both_limits);
    g_test_add_func("/exchange-flow/slows-down-until-none", test_flow_slows_down_until_none);
    g_test_add_func("/exchange-flow/pauses-but-not-for-ever", test_flow_pauses_but_not_for_ever);
    g_test_add_func("/exchange-flow/bounds-an-absurd-delay", test_flow_bounds_an_absurd_delay);
    return g_test_run();
}
