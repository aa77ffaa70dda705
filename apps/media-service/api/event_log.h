/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last events, each with an id, so that a listener whose connection broke can be told what it missed
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header). Bounded in
 * number and size. An id holds when this log began, for the numbers begin anew with the program. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENT_LOG_MAX_EVENTS 1000
#define EVENT_LOG_MAX_BYTES (512 * 1024)

struct event_log;

struct event_log *event_log_new(int64_t began_ms);
/* NULL is fine. */
void event_log_free(struct event_log *log);

/* name: one word; data: one line. The event as it is sent, borrowed until the next call. */
GBytes *event_log_add(struct event_log *log, const char *name, const char *data);

/* Appends to events (of GBytes, referenced) what came after the event with this id. False when that cannot be
 * told: it is not one of ours, or too long ago. */
bool event_log_list_after(const struct event_log *log, const char *last_id, GPtrArray *events);
