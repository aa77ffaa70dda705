/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The breaker. Outcomes of ordinary requests matter while it is closed, the probe's while it is half-open,
 * none while it is open. */
#include "breaker.h"

static void set_open(struct breaker *breaker, int64_t now_ns)
{
    *breaker = (struct breaker){.state = DUB_BREAKER_OPEN, .half_open_ns = now_ns + BREAKER_OPEN_NS};
}

enum dub_breaker_state breaker_state(const struct breaker *breaker, int64_t now_ns)
{
    if (breaker->state == DUB_BREAKER_OPEN && now_ns >= breaker->half_open_ns)
        return DUB_BREAKER_HALF_OPEN;
    return breaker->state;
}

enum breaker_permit breaker_ask(struct breaker *breaker, int64_t now_ns)
{
    breaker->state = breaker_state(breaker, now_ns);
    if (breaker->state == DUB_BREAKER_CLOSED)
        return BREAKER_NORMAL;
    if (breaker->state == DUB_BREAKER_OPEN || breaker->probe_is_out)
        return BREAKER_DENIED;
    breaker->probe_is_out = true;
    return BREAKER_PROBE;
}

static void tell_closed(struct breaker *breaker, enum breaker_outcome outcome, int64_t now_ns)
{
    if (outcome == BREAKER_SUCCESS)
        breaker->failures = 0;
    else if (outcome == BREAKER_FAILURE && ++breaker->failures >= BREAKER_MAX_FAILURES)
        set_open(breaker, now_ns);
}

static void tell_probe(struct breaker *breaker, enum breaker_outcome outcome, int64_t now_ns)
{
    breaker->probe_is_out = false;
    if (outcome == BREAKER_SUCCESS)
        *breaker = (struct breaker){.state = DUB_BREAKER_CLOSED};
    else if (outcome == BREAKER_FAILURE)
        set_open(breaker, now_ns);
}

void breaker_tell(struct breaker *breaker, enum breaker_permit permit, enum breaker_outcome outcome,
                  int64_t now_ns)
{
    if (permit == BREAKER_PROBE && breaker->state == DUB_BREAKER_HALF_OPEN)
        tell_probe(breaker, outcome, now_ns);
    else if (permit == BREAKER_NORMAL && breaker->state == DUB_BREAKER_CLOSED)
        tell_closed(breaker, outcome, now_ns);
}

const char *breaker_state_name(enum dub_breaker_state state)
{
    static const char *const names[] = {"closed", "half_open", "open"};
    return names[state];
}
