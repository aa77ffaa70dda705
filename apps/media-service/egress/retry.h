/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a lost or refused destination is tried again: waits double from a base to a maximum, each shortened by
 * up to a quarter at random, so that forwarders that lost the same destination do not all come back at once.
 * Only a connection that held for the maximum begins anew at the base: one that is accepted and cut again is
 * not hammered. Pure. */
#pragma once

#include <dubbing_retry.h>
#include <stdint.h>

struct retry {
    struct dub_backoff backoff;
    int64_t up_since_ns; /* 0: not connected */
};

void retry_init(struct retry *retry, int64_t base_ns, int64_t max_ns);
/* The destination takes data. */
void retry_up(struct retry *retry, int64_t now_ns);
/* An attempt failed or the connection broke: how long to wait. random: 0 to 1. */
int64_t retry_lost(struct retry *retry, int64_t now_ns, double random);
