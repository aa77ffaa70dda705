/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flow control of one stream: from the number of fragments in flight to what the worker is told. Pure. */
#pragma once

#include <dubbing_events.h>

struct flow_limits {
    int pause_from;   /* "high", "pause" from here on */
    int refuse_above; /* the fragment that would make more than this is refused */
};

#define FLOW_DEFAULT_LIMITS ((struct flow_limits){.pause_from = 7, .refuse_above = 10})

enum flow_level { FLOW_FINE, FLOW_SLOW_DOWN, FLOW_PAUSE };

/* Up to max_inflight, which the stream was promised, all is fine, also where that is beyond pause_from. */
enum flow_level flow_level(const struct flow_limits *limits, int max_inflight, int inflight);
bool flow_refuses(const struct flow_limits *limits, int inflight);
/* Severity, action, threshold and recommended delay of a level; the caller fills in the numbers. The
 * threshold's name is owned by the result. */
struct dub_backpressure flow_message(enum flow_level level);
