/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange_rtt.h"

#include <string.h>

#define MS DUB_NS_PER_MS

static void test_rtt_percentile(void)
{
    struct rtt rtt = {0};
    for (int i = 1; i <= 4; i++)
        rtt_add(&rtt, i * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 77);
    rtt_add(&rtt, 900 * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 900 * MS);
    for (int i = 0; i < 46; i++)
        rtt_add(&rtt, 100 * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 100 * MS);
    for (int i = 0; i < RTT_RECENT; i++)
        rtt_add(&rtt, (RTT_RECENT - i) * MS);
    g_assert_cmpint(rtt_p95_ns(&rtt, 77), ==, 48 * MS);
}

static void test_rtt_histogram(void)
{
    struct rtt rtt = {0};
    const int64_t values_ms[] = {0, 50, 51, 100, 250, 500, 1000, 2000, 4000, 8000, 8001, 90000};
    const uint64_t expected[] = {2, 2, 1, 1, 1, 1, 1, 1, 2};
    for (gsize i = 0; i < G_N_ELEMENTS(values_ms); i++)
        rtt_add(&rtt, values_ms[i] * MS);
    g_assert_cmpint(memcmp(rtt.counts, expected, sizeof expected), ==, 0);
    g_assert_cmpfloat_with_epsilon(rtt.sum_ms, 113952, 0.001);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-rtt/percentile", test_rtt_percentile);
    g_test_add_func("/exchange-rtt/histogram", test_rtt_histogram);
    return g_test_run();
}
