/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream that is forwarded: an RTMP player that hands out FLV tags as they come, and connects again after
 * a loss until a grace period is over. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

struct input;

struct input_events {
    /* Streaming thread, before the first tag of each connection. */
    void (*on_begin)(void *user);
    /* Streaming thread; the buffer is borrowed. */
    void (*on_tag)(GstBuffer *buffer, void *user);
    /* Main thread: the first tag of a connection has come. */
    void (*on_up)(void *user);
    /* Main thread. */
    void (*on_down)(void *user);
    /* Main thread: the grace period is over. came: it was there once. The input may be freed in it. */
    void (*on_given_up)(bool came, void *user);
};

struct input_facts {
    bool connected;
    int64_t bytes, reconnects;
};

/* Main thread. Connects at once. */
struct input *input_new(const char *url, int64_t grace_ns, const struct input_events *events, void *user);
/* No event comes afterwards. NULL is fine. Main thread. */
void input_free(struct input *input);
/* Main thread. */
void input_get_facts(const struct input *input, struct input_facts *facts);
