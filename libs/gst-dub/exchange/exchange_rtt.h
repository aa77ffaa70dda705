/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Round trips: a histogram since the start, and the 95th percentile of the last ones. One thread at a time.
 */
#pragma once

#include "exchange.h"

#define RTT_RECENT 50
#define RTT_ENOUGH 5

struct rtt {
    int64_t recent_ns[RTT_RECENT]; /* a ring */
    unsigned n_recent;
    unsigned next;
    uint64_t counts[9]; /* as in struct dub_exchange_stats */
    double sum_ms;
};

/* Zeroed memory has seen nothing. */
void rtt_add(struct rtt *rtt, int64_t rtt_ns);
/* Nearest rank. fallback_ns before there are RTT_ENOUGH. */
int64_t rtt_p95_ns(const struct rtt *rtt, int64_t fallback_ns);
