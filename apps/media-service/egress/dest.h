/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection to the destination: an RTMP publisher that is given messages. It is thrown away when it
 * breaks; when the next one is made is for forwarder.c to say. All calls and events on the main thread. */
#pragma once

#include <dubbing_rtmp_message.h>
#include <stdbool.h>
#include <stdint.h>

#define DEST_PATIENCE_S 10 /* one that takes nothing for so long is not there any more */

struct dest;

/* The connection may be freed in them. */
struct dest_events {
    /* It takes data. */
    void (*on_up)(void *user);
    /* It is refused, broken or does not read. reason may hold the address. */
    void (*on_lost)(const char *reason, void *user);
    /* After dest_finish: all is sent. */
    void (*on_finished)(void *user);
};

/* Connects as soon as the main context runs. url: as egress_settings allow. */
struct dest *dest_new(const char *url, const struct dest_events *events, void *user);
/* Closes it. NULL is fine. */
void dest_free(struct dest *dest);

/* Without waiting; the payload is referenced. */
void dest_push(struct dest *dest, const struct rtmp_message *message);
/* What was pushed and has not been taken yet. */
int64_t dest_backlog_bytes(const struct dest *dest);
/* What the destination has been given. */
int64_t dest_bytes(const struct dest *dest);
/* Now and then: reports a destination that does not read. */
void dest_watch(struct dest *dest, int64_t at_ns);
/* Ends the stream in order; on_finished or on_lost follows, unless the destination hangs. */
void dest_finish(struct dest *dest);
