/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the worker that never breaks: original sound in, dubbed sound out as AAC-LC, 48 kHz stereo. */
#pragma once

#include "settings.h"

#include <dubbing_error.h>
#include <gst/gst.h>

struct core;

struct core_events {
    /* On the core's streaming thread, takes the packet. Its PTS is where its sound lies on the input
     * timeline: the encoder's own delay is already taken off, so the first ones may lie before 0 and are not
     * handed out. */
    void (*on_packet)(GstBuffer *take_packet, void *user);
    /* The rest on the main thread. One phrase of the ledger: a "stsdub-phrase" structure, borrowed. */
    void (*on_phrase)(const GstStructure *phrase, void *user);
    /* After core_end, when everything has come out. */
    void (*on_drained)(void *user);
    void (*on_failed)(const char *message, void *user);
};

/* NULL with an error when an element is missing. live: sound leaves at its time, otherwise as soon as it is
 * done. */
struct core *core_new(const struct worker_settings *settings, bool live, const struct core_events *events,
                      void *user, struct dub_error *error);
/* Starts the clock: timeline position 0 is base_ns on the system's monotonic clock. Any thread, once. */
void core_start(struct core *core, int64_t base_ns);
/* The input's streaming thread. Takes the buffer: 48 kHz stereo S16, PTS on the timeline. When not live,
 * waits until there is room. False once stopped. */
bool core_push(struct core *core, GstBuffer *take_buffer);
/* The sound has broken off, and nobody knows when it goes on: speech that is open is dubbed as far as it
 * came. When the input's thread is done with core_push. */
void core_break(struct core *core);
/* No more sound will come. When the input's thread is done with core_push. */
void core_end(struct core *core);
/* Main thread: core_push returns false from now on, a waiting one at once, until core_accept. When
 * core_refuse returns, no core_push is under way. What was pushed stays and goes on. */
void core_refuse(struct core *core);
void core_accept(struct core *core);
/* Wakes a waiting core_push; what is open is settled, its on_phrase runs, nothing comes out afterwards. Main
 * thread. */
void core_stop(struct core *core);
/* NULL is fine. */
void core_free(struct core *core);

/* The element's "stats" (dubbing_gst.h), owned by the caller; NULL when there are none. Any thread. */
GstStructure *core_get_stats(struct core *core);
