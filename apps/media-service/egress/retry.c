/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retry.h"

void retry_init(struct retry *retry, int64_t base_ns, int64_t max_ns)
{
    *retry = (struct retry){.backoff = DUB_BACKOFF(base_ns, max_ns)};
}

void retry_up(struct retry *retry, int64_t now_ns)
{
    retry->up_since_ns = now_ns;
}

int64_t retry_lost(struct retry *retry, int64_t now_ns, double random)
{
    if (retry->up_since_ns != 0 && now_ns - retry->up_since_ns >= retry->backoff.max_ns)
        dub_backoff_reset(&retry->backoff);
    retry->up_since_ns = 0;
    int64_t wait_ns = dub_backoff_next_ns(&retry->backoff);
    return wait_ns - (int64_t)((double)wait_ns / 4 * random);
}
