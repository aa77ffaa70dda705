/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to any number of
 * listeners up to a limit. One that does not read is dropped. One that comes back with Last-Event-ID is sent
 * what it missed, or the event "missed" when that is no longer known. */
#pragma once

#include <dubbing_http.h>

struct events;

struct events_times {
    unsigned keep_alive_ms;   /* between comments that say that we are still here */
    unsigned peer_timeout_ms; /* how long a peer may leave what was sent unacknowledged, or its buffer full */
};

/* times is copied; NULL: the usual ones, 15 s and 30 s. */
struct events *events_new(const struct events_times *times);
/* Before the HTTP server goes. NULL is fine. */
void events_free(struct events *events);

/* Turns the request into a listener, or answers 503 when there are too many, in all or from its address. */
void events_add_listener(struct events *events, struct dub_http_request *request);
unsigned events_count_listeners(const struct events *events);
/* name: one word; data: one line of JSON. */
void events_send(struct events *events, const char *name, const char *data);
