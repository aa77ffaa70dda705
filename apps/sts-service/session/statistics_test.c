/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "statistics.h"

static void add(struct statistics *statistics, enum dub_fragment_status status, int64_t took_ms)
{
    struct dub_fragment_processed processed = {.status = status, .processing_time_ms = took_ms};
    processed.metadata.original_duration_ms = 100;
    if (status == DUB_FRAGMENT_FAILED)
        dub_error_set_stage(&processed.error, DUB_ERROR_TIMEOUT, DUB_STAGE_ASR, "late");
    statistics_add(statistics, &processed);
}

static void test_statistics(void)
{
    struct statistics *statistics = g_new0(struct statistics, 1);
    g_assert_cmpfloat(statistics_average_ms(statistics), ==, 0);
    g_assert_cmpfloat(statistics_p95_ms(statistics), ==, 0);
    for (int i = 1; i <= 100; i++)
        add(statistics,
            i <= 90   ? DUB_FRAGMENT_SUCCESS
            : i <= 97 ? DUB_FRAGMENT_PARTIAL
                      : DUB_FRAGMENT_FAILED,
            i);
    struct dub_stream_complete complete = statistics_complete(statistics, "news");
    g_assert_cmpstr(complete.stream_id, ==, "news");
    g_assert_cmpint((int)complete.total_fragments, ==, 100);
    g_assert_cmpint((int)complete.total_duration_ms, ==, 10000);
    g_assert_cmpint((int)complete.success_count, ==, 90);
    g_assert_cmpint((int)complete.partial_count, ==, 7);
    g_assert_cmpint((int)complete.failed_count, ==, 3);
    g_assert_cmpfloat(complete.avg_processing_time_ms, ==, 50.5);
    g_assert_cmpfloat(complete.p95_processing_time_ms, ==, 95);
    g_assert_cmpint((int)complete.errors_by_code[DUB_ERROR_TIMEOUT], ==, 3);
    g_assert_cmpint((int)complete.errors_by_stage[DUB_STAGE_ASR], ==, 3);
    dub_stream_complete_clear(&complete);
    g_free(statistics);
}

static void test_percentile_is_of_the_recent(void)
{
    struct statistics *statistics = g_new0(struct statistics, 1);
    for (int i = 0; i < 5000; i++)
        add(statistics, DUB_FRAGMENT_SUCCESS, i < 5000 - STATISTICS_WINDOW ? 9000 : 10);
    g_assert_cmpfloat(statistics_p95_ms(statistics), ==, 10);
    g_assert_cmpint((int)statistics->counts.total_fragments, ==, 5000);
    g_free(statistics);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/statistics/counts-and-percentile", test_statistics);
    g_test_add_func("/statistics/percentile-is-of-the-recent", test_percentile_is_of_the_recent);
    return g_test_run();
}
