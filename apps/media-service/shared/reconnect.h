/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a lost connection is tried again: after 1, 2, 4, 4, ... seconds until a grace period ends. Pure. */
#pragma once

#include <dubbing_retry.h>
#include <stdbool.h>
#include <stdint.h>

struct reconnect {
    struct dub_backoff backoff;
    int64_t grace_ns;
    int64_t lost_at_ns;
    bool lost;
};

void reconnect_init(struct reconnect *reconnect, int64_t grace_ns);
/* An attempt failed or the connection broke. Returns how long to wait before the next attempt, -1 when the
 * grace period is over. */
int64_t reconnect_lost(struct reconnect *reconnect, int64_t now_ns);
/* Whether the grace period of a loss is over. */
bool reconnect_is_over(const struct reconnect *reconnect, int64_t now_ns);
/* Data flows (again). Returns whether it had been lost. */
bool reconnect_restored(struct reconnect *reconnect);
