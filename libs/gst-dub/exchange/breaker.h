/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Circuit breaker: after a run of failures that a retry might have cured, the service is left alone for a
 * while, then asked once. Pure; time is a parameter. One thread.
 *
 *   CLOSED --- 5 consecutive retryable failures ---> OPEN
 *   OPEN ----- 30 s ---> HALF_OPEN --- the probe succeeds ---> CLOSED
 *                        HALF_OPEN --- the probe fails, retryably ---> OPEN
 *
 * Failures that are not retryable say something about the phrase, not about the service: they count neither
 * way. */
#pragma once

#include "exchange.h"

#define BREAKER_MAX_FAILURES 5
#define BREAKER_OPEN_NS (30 * DUB_NS_PER_S)

struct breaker {
    enum dub_breaker_state state;
    unsigned failures;    /* consecutive, while CLOSED */
    int64_t half_open_ns; /* OPEN: when a probe may go out */
    bool probe_is_out;    /* HALF_OPEN */
};

/* What a request may do. It is handed back with the request's outcome, so that the outcome of a request from
 * before the breaker opened is not taken for the probe's. */
enum breaker_permit { BREAKER_DENIED, BREAKER_NORMAL, BREAKER_PROBE };

enum breaker_outcome {
    BREAKER_SUCCESS,
    BREAKER_FAILURE,      /* retryable */
    BREAKER_INCONCLUSIVE, /* not retryable, cancelled, connection lost */
};

/* Zeroed memory is a closed breaker. */
enum breaker_permit breaker_ask(struct breaker *breaker, int64_t now_ns);
/* Exactly once per permit that was not DENIED. */
void breaker_tell(struct breaker *breaker, enum breaker_permit permit, enum breaker_outcome outcome,
                  int64_t now_ns);
/* As it stands now: OPEN turns HALF_OPEN by time alone. */
enum dub_breaker_state breaker_state(const struct breaker *breaker, int64_t now_ns);
const char *breaker_state_name(enum dub_breaker_state state);
