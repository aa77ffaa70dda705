/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rate_limit.h"

#include <dubbing_clock.h>
#include <glib.h>

#define BURST_SECONDS 2
/* So many seconds' worth of refusals in one go is a flood. */
#define FLOOD_SECONDS 10

static double capacity(const struct rate_limit *limit)
{
    return limit->per_second * BURST_SECONDS;
}

void rate_limit_init(struct rate_limit *limit, unsigned per_second, int64_t now_ns)
{
    *limit = (struct rate_limit){.per_second = per_second, .filled_ns = now_ns};
    limit->tokens = capacity(limit);
}

static void refill(struct rate_limit *limit, int64_t now_ns)
{
    double gained = (double)(now_ns - limit->filled_ns) / (double)DUB_NS_PER_S * limit->per_second;
    limit->tokens = MIN(limit->tokens + MAX(gained, 0), capacity(limit));
    limit->filled_ns = now_ns;
    if (limit->tokens >= capacity(limit))
        limit->n_refused = 0;
}

bool rate_limit_allows(struct rate_limit *limit, int64_t now_ns)
{
    if (limit->per_second <= 0)
        return true;
    refill(limit, now_ns);
    if (limit->tokens < 1) {
        limit->n_refused++;
        return false;
    }
    limit->tokens -= 1;
    return true;
}

bool rate_limit_is_flooded(const struct rate_limit *limit)
{
    return (double)limit->n_refused > limit->per_second * FLOOD_SECONDS;
}
