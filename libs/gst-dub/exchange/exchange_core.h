/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exchange without sockets and threads: connection states, queue, flow control, breaker, answers. It says
 * what is to be done through a table of functions and is told what happened; time comes from the configured
 * clock.
 *
 *   WAITING -> CONNECTING -> INITIALISING (stream:init is out) -> READY -> (lost) WAITING ...
 *
 * While a connection is being made, fragments wait for it until their deadline; while none is tried, they
 * come back at once. One thread. No function of the table may call back into the core. */
#pragma once

#include "capture.h"
#include "exchange.h"
#include "exchange_rtt.h"

#include <json-glib/json-glib.h>

struct exchange_core;

struct exchange_ops {
    /* Start an attempt; exchange_core_connected or exchange_core_lost follows. */
    void (*connect)(void *user);
    /* Give up the connection or attempt; nothing about it is reported any more. */
    void (*disconnect)(void *user);
    /* Send one event with one argument, which is taken. */
    void (*emit)(const char *event, JsonNode *take_arg, void *user);
    void (*result)(struct dub_exchange_result *result, void *user);
    void (*sent)(uint64_t id, const char *uuid, void *user); /* just before it is emitted */
};

/* config is copied, ops kept by reference. The first attempt starts with exchange_core_run. */
struct exchange_core *exchange_core_new(const struct dub_exchange_config *config,
                                        const struct exchange_ops *ops, void *user);
/* Before the first run: what is sent and received is kept there. Borrowed; NULL: it is not. */
void exchange_core_set_capture(struct exchange_core *core, struct dub_capture *capture);
/* Nothing may be outstanding: close first. NULL is fine. */
void exchange_core_free(struct exchange_core *core);

/* Takes the samples; a result follows, now or later. */
void exchange_core_submit(struct exchange_core *core, struct dub_exchange_fragment *fragment);
/* The namespace is connected. */
void exchange_core_connected(struct exchange_core *core);
/* The attempt failed, the service refused us or the connection broke. */
void exchange_core_lost(struct exchange_core *core, const struct dub_error *error);
/* The service's event; node may be NULL (no argument). */
void exchange_core_event(struct exchange_core *core, const char *event, JsonNode *node);
/* Does what is due. To be called after each of the above and at the time of exchange_core_wake_ns. */
void exchange_core_run(struct exchange_core *core);
/* When run has something to do next; INT64_MAX: not before something happens. */
int64_t exchange_core_wake_ns(const struct exchange_core *core);
/* Says stream:end where there is a stream, hands everything back as CANCELLED. Only free may follow. */
void exchange_core_close(struct exchange_core *core);

void exchange_core_get_stats(const struct exchange_core *core, struct dub_exchange_stats *stats);
/* Borrowed. */
const struct rtt *exchange_core_rtt(const struct exchange_core *core);
