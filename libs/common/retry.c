/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_retry.h>

int64_t dub_backoff_next_ns(struct dub_backoff *backoff)
{
    int64_t wait_ns = backoff->next_ns > 0 ? backoff->next_ns : backoff->first_ns;
    if (wait_ns > backoff->max_ns)
        wait_ns = backoff->max_ns;
    backoff->next_ns = wait_ns > backoff->max_ns / 2 ? backoff->max_ns : wait_ns * 2;
    return wait_ns;
}

void dub_backoff_reset(struct dub_backoff *backoff)
{
    backoff->next_ns = 0;
}
