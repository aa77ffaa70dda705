/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flow control: when the next fragment may go out. Pure; time is a parameter. One thread. */
#pragma once

#include <dubbing_clock.h>
#include <dubbing_events.h>
#include <stdbool.h>

/* A delay that is recommended beyond this is taken as this; and a pause that is never lifted ends by itself,
 * for no service may silence a stream for good by forgetting about it. */
#define FLOW_MAX_DELAY_MS 10000
#define FLOW_MAX_PAUSE_NS (30 * DUB_NS_PER_S)

struct flow {
    unsigned own_limit;     /* in flight, as configured */
    unsigned service_limit; /* as the service announced */
    int64_t interval_ns;    /* between two fragments, while slowed down */
    int64_t last_sent_ns;
    int64_t paused_until_ns;
    unsigned severity; /* 0 none, 1 low, 2 medium, 3 high */
};

/* A fresh conversation with the service. */
void flow_init(struct flow *flow, unsigned own_limit);
void flow_set_service_limit(struct flow *flow, unsigned limit);
void flow_on_backpressure(struct flow *flow, const struct dub_backpressure *pressure, int64_t now_ns);
void flow_note_sent(struct flow *flow, int64_t now_ns);
bool flow_is_paused(const struct flow *flow, int64_t now_ns);
/* now_ns: at once. Later: then, if nothing else changes. INT64_MAX: not before something in flight has ended.
 */
int64_t flow_next_send_ns(const struct flow *flow, unsigned inflight, int64_t now_ns);
