/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of one stream, for stream:complete. Pure. */
#pragma once

#include <dubbing_events.h>

/* The 95th percentile is taken over the last so many fragments, so that memory stays bounded. */
#define STATISTICS_WINDOW 1024

struct statistics {
    struct dub_stream_complete counts; /* stream_id stays NULL */
    double sum_ms;
    float recent_ms[STATISTICS_WINDOW];
};

void statistics_add(struct statistics *statistics, const struct dub_fragment_processed *processed);
/* 0 before the first. */
double statistics_average_ms(const struct statistics *statistics);
double statistics_p95_ms(const struct statistics *statistics);
/* The event; its strings are owned by the result. */
struct dub_stream_complete statistics_complete(const struct statistics *statistics, const char *stream_id);
