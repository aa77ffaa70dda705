/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow.h"

enum flow_level flow_level(const struct flow_limits *limits, int max_inflight, int inflight)
{
    if (inflight <= max_inflight)
        return FLOW_FINE;
    return inflight >= limits->pause_from ? FLOW_PAUSE : FLOW_SLOW_DOWN;
}

bool flow_refuses(const struct flow_limits *limits, int inflight)
{
    return inflight >= limits->refuse_above;
}

struct dub_backpressure flow_message(enum flow_level level)
{
    static const struct {
        enum dub_pressure_severity severity;
        enum dub_pressure_action action;
        const char *threshold;
        int delay_ms;
    } messages[] = {
        [FLOW_FINE] = {DUB_PRESSURE_LOW, DUB_ACTION_NONE, NULL, 0},
        [FLOW_SLOW_DOWN] = {DUB_PRESSURE_MEDIUM, DUB_ACTION_SLOW_DOWN, "max_inflight", 500},
        [FLOW_PAUSE] = {DUB_PRESSURE_HIGH, DUB_ACTION_PAUSE, "pause_from", 1000},
    };
    return (struct dub_backpressure){
        .severity = messages[level].severity,
        .action = messages[level].action,
        .threshold_exceeded = g_strdup(messages[level].threshold),
        .recommended_delay_ms = messages[level].delay_ms,
    };
}
