/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that lets each access unit go at its due time: D after its place on the input timeline. */
#pragma once

#include "access_queue.h"

struct video_delay;

struct video_delay_events {
    /* On the delay's thread, at the unit's due time. Borrowed. */
    void (*on_release)(const struct access_unit *unit, void *user);
    /* On the delay's thread, once, after video_delay_end when nothing is left. */
    void (*on_drained)(void *user);
};

struct video_delay *video_delay_new(const struct video_delay_events *events, int64_t max_bytes,
                                    int64_t max_ahead_ns, void *user);
/* Any thread; units in order of due_ns. Takes the unit, also when it returns false (a bound is reached). */
bool video_delay_push(struct video_delay *delay, struct access_unit *take_unit, struct dub_error *error);
/* Any thread: no more units will come. */
void video_delay_end(struct video_delay *delay);
/* Forgets what waits, ends the thread. NULL is fine. */
void video_delay_free(struct video_delay *delay);
