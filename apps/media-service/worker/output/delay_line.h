/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that lets each packet go at its due time: D after its place on the input timeline. Picture and
 * sound leave in one order, so nothing behind it has to wait for the one or the other. */
#pragma once

#include "packet_queue.h"

struct delay_line;

struct delay_line_events {
    /* On the delay's thread, at the packet's due time. Borrowed. */
    void (*on_release)(const struct packet *packet, void *user);
    /* On the delay's thread, after one or more packets: nothing else is due now. */
    void (*on_pause)(void *user);
    /* On the delay's thread, once, after delay_line_end when nothing is left. */
    void (*on_drained)(void *user);
};

struct delay_line *delay_line_new(const struct delay_line_events *events, int64_t max_bytes,
                                  int64_t max_ahead_ns, void *user);
/* Any thread; each track in order of due_ns. Takes the packet, also when it returns false (a bound is
 * reached). */
bool delay_line_push(struct delay_line *delay, struct packet *take_packet, struct dub_error *error);
/* Any thread: no more packets will come. */
void delay_line_end(struct delay_line *delay);
/* Forgets what waits, ends the thread. NULL is fine. */
void delay_line_free(struct delay_line *delay);
