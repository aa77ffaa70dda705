/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reconnect.h"

#include <dubbing_clock.h>
#include <glib.h>

void reconnect_init(struct reconnect *reconnect, int64_t grace_ns)
{
    *reconnect = (struct reconnect){
        .backoff = DUB_BACKOFF(DUB_NS_PER_S, 4 * DUB_NS_PER_S),
        .grace_ns = grace_ns,
    };
}

int64_t reconnect_lost(struct reconnect *reconnect, int64_t now_ns)
{
    if (!reconnect->lost) {
        reconnect->lost = true;
        reconnect->lost_at_ns = now_ns;
        dub_backoff_reset(&reconnect->backoff);
    }
    int64_t left_ns = reconnect->lost_at_ns + reconnect->grace_ns - now_ns;
    if (left_ns <= 0)
        return -1;
    /* The last attempt comes at the very end of the grace period. */
    int64_t wait_ns = dub_backoff_next_ns(&reconnect->backoff);
    return MIN(wait_ns, left_ns);
}

bool reconnect_is_over(const struct reconnect *reconnect, int64_t now_ns)
{
    return reconnect->lost && now_ns - reconnect->lost_at_ns >= reconnect->grace_ns;
}

bool reconnect_restored(struct reconnect *reconnect)
{
    bool was_lost = reconnect->lost;

    reconnect->lost = false;
    return was_lost;
}
