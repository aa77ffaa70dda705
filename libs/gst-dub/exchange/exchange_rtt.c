/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Round trip statistics. */
#include "exchange_rtt.h"

#include <stdlib.h>
#include <string.h>

static const int64_t bounds_ms[] = {50, 100, 250, 500, 1000, 2000, 4000, 8000};

void rtt_add(struct rtt *rtt, int64_t rtt_ns)
{
    rtt->recent_ns[rtt->next] = rtt_ns;
    rtt->next = (rtt->next + 1) % RTT_RECENT;
    rtt->n_recent = MIN(rtt->n_recent + 1, RTT_RECENT);
    gsize bucket = 0;
    while (bucket < G_N_ELEMENTS(bounds_ms) && rtt_ns > bounds_ms[bucket] * DUB_NS_PER_MS)
        bucket++;
    rtt->counts[bucket]++;
    rtt->sum_ms += (double)rtt_ns / (double)DUB_NS_PER_MS;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t rtt_p95_ns(const struct rtt *rtt, int64_t fallback_ns)
{
    if (rtt->n_recent < RTT_ENOUGH)
        return fallback_ns;
    int64_t sorted[RTT_RECENT];
    memcpy(sorted, rtt->recent_ns, rtt->n_recent * sizeof sorted[0]);
    qsort(sorted, rtt->n_recent, sizeof sorted[0], compare);
    unsigned rank = (rtt->n_recent * 95 + 99) / 100;
    return sorted[rank - 1];
}
