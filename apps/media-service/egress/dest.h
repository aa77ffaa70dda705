/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection to the destination: an RTMP publisher that is given FLV tags. It is thrown away when it
 * breaks; when the next one is made is for forwarder.c to say. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

#define DEST_PATIENCE_S 10 /* one that takes nothing for so long is not there any more */

struct dest;

/* On the main thread; the connection may be freed in them. */
struct dest_events {
    /* It takes data. */
    void (*on_up)(void *user);
    /* It is refused, broken or does not read. reason may hold the address. */
    void (*on_lost)(const char *reason, void *user);
    /* After dest_finish: all is sent. */
    void (*on_finished)(void *user);
};

/* Main thread. Connects at once. */
struct dest *dest_new(const char *url, const struct dest_events *events, void *user);
/* Closes it. NULL is fine. Main thread, when nobody pushes any more. */
void dest_free(struct dest *dest);

/* Any thread, without waiting. Takes the buffer. */
void dest_push(struct dest *dest, GstBuffer *take_buffer);
/* What was pushed and has not been taken yet. Any thread. */
int64_t dest_backlog_bytes(const struct dest *dest);
/* What the destination has been given. Any thread. */
int64_t dest_bytes(const struct dest *dest);
/* Main thread, now and then: reports a destination that does not read. */
void dest_watch(struct dest *dest);
/* Ends the stream in order; on_finished or on_lost follows, unless the destination hangs. */
void dest_finish(struct dest *dest);
