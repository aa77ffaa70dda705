/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream that is forwarded: an RTMP player that hands out its messages as they come, and connects again
 * after a loss until a grace period is over. All calls and events on the main thread. */
#pragma once

#include <dubbing_rtmp_message.h>
#include <stdbool.h>
#include <stdint.h>

#define INPUT_PATIENCE_S 10 /* a publisher that is silent for so long is gone */

struct input;

struct input_events {
    /* Before the first message of each connection; the input may not be freed in it. */
    void (*on_up)(void *user);
    /* Sound, picture or script data; borrowed, the payload may be referenced. As on_up. */
    void (*on_message)(const struct rtmp_message *message, void *user);
    void (*on_down)(void *user);
    /* The grace period is over. came: it was there once. The input may be freed in it. */
    void (*on_given_up)(bool came, void *user);
};

struct input_facts {
    bool connected;
    int64_t bytes, reconnects;
};

/* Connects as soon as the main context runs. url: as input_location_check allows. */
struct input *input_new(const char *url, int64_t grace_ns, const struct input_events *events, void *user);
/* No event comes afterwards. NULL is fine. */
void input_free(struct input *input);
/* Now and then: a connection on which nothing comes any more is given up. */
void input_watch(struct input *input, int64_t at_ns);
void input_get_facts(const struct input *input, struct input_facts *facts);
