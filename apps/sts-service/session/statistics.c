/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "statistics.h"

#include <stdlib.h>
#include <string.h>

void statistics_add(struct statistics *statistics, const struct dub_fragment_processed *processed)
{
    struct dub_stream_complete *counts = &statistics->counts;
    float took_ms = (float)processed->processing_time_ms;

    statistics->recent_ms[counts->total_fragments % STATISTICS_WINDOW] = took_ms;
    statistics->sum_ms += took_ms;
    counts->total_fragments++;
    counts->total_duration_ms += processed->metadata.original_duration_ms;
    counts->success_count += processed->status == DUB_FRAGMENT_SUCCESS;
    counts->partial_count += processed->status == DUB_FRAGMENT_PARTIAL;
    counts->failed_count += processed->status == DUB_FRAGMENT_FAILED;
    if (processed->error.code == DUB_ERROR_NONE)
        return;
    counts->errors_by_code[processed->error.code]++;
    counts->errors_by_stage[processed->error.stage]++;
}

double statistics_average_ms(const struct statistics *statistics)
{
    int64_t n = statistics->counts.total_fragments;
    return n > 0 ? statistics->sum_ms / (double)n : 0;
}

static int by_value(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

double statistics_p95_ms(const struct statistics *statistics)
{
    int64_t total = MIN(statistics->counts.total_fragments, STATISTICS_WINDOW);
    size_t n = (size_t)total;
    if (n == 0)
        return 0;
    float sorted[STATISTICS_WINDOW];
    memcpy(sorted, statistics->recent_ms, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_value);
    /* Nearest rank: the smallest value that at least 95 % are not above. */
    size_t rank = (n * 95 + 99) / 100;
    return (double)sorted[rank - 1];
}

struct dub_stream_complete statistics_complete(const struct statistics *statistics, const char *stream_id)
{
    struct dub_stream_complete complete = statistics->counts;
    complete.stream_id = g_strdup(stream_id);
    complete.avg_processing_time_ms = statistics_average_ms(statistics);
    complete.p95_processing_time_ms = statistics_p95_ms(statistics);
    return complete;
}
