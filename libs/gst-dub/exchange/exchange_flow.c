/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flow control: two limits on what is in flight, a pace, a pause. */
#include "exchange_flow.h"

void flow_init(struct flow *flow, unsigned own_limit)
{
    *flow = (struct flow){
        .own_limit = own_limit,
        .service_limit = own_limit,
        .last_sent_ns = INT64_MIN / 2,
        .paused_until_ns = INT64_MIN,
    };
}

void flow_set_service_limit(struct flow *flow, unsigned limit)
{
    flow->service_limit = limit;
}

void flow_on_backpressure(struct flow *flow, const struct dub_backpressure *pressure, int64_t now_ns)
{
    flow->interval_ns = 0;
    flow->paused_until_ns = INT64_MIN;
    flow->severity = pressure->action == DUB_ACTION_NONE ? 0 : (unsigned)pressure->severity + 1;
    if (pressure->action == DUB_ACTION_PAUSE)
        flow->paused_until_ns = now_ns + FLOW_MAX_PAUSE_NS;
    else if (pressure->action == DUB_ACTION_SLOW_DOWN)
        flow->interval_ns = MIN(pressure->recommended_delay_ms, FLOW_MAX_DELAY_MS) * DUB_NS_PER_MS;
}

void flow_note_sent(struct flow *flow, int64_t now_ns)
{
    flow->last_sent_ns = now_ns;
}

bool flow_is_paused(const struct flow *flow, int64_t now_ns)
{
    return now_ns < flow->paused_until_ns;
}

int64_t flow_next_send_ns(const struct flow *flow, unsigned inflight, int64_t now_ns)
{
    if (inflight >= MIN(flow->own_limit, flow->service_limit))
        return INT64_MAX;
    int64_t due_ns = MAX(flow->last_sent_ns + flow->interval_ns, flow->paused_until_ns);
    return MAX(due_ns, now_ns);
}
