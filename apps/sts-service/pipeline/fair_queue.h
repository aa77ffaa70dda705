/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What waits for a stage, by stream: each live stream has its share of the stage's threads and of their time.
 *
 * Per stream first in, first out. Between streams the one that has been served least is next, in time and not
 * in fragments, so that a slow one pays for its slowness; among equals, the one that has waited longest for
 * its turn (start-time fair queueing, Goyal, Vin and Cheng 1996). A stream is served by at most its part of
 * the threads at a time, so that one whose work never ends leaves the others theirs. Only streams that have
 * work count for the parts, and those that had some a moment ago: between two phrases a speaker is quiet too,
 * and a neighbour must not have taken all threads when the next one comes. now_ns: monotonic. Not locked. */
#pragma once

#include <dubbing_clock.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct fair_queue;

/* How long a stream counts after it has joined, and after its work has ended: longer than a speaker's pauses.
 */
#define FAIR_QUEUE_PAUSE_NS (10 * DUB_NS_PER_S)

/* n_threads: how many items are worked on at a time. */
struct fair_queue *fair_queue_new(unsigned n_threads);
/* The items that are left are the caller's problem: take them out first. NULL is fine. */
void fair_queue_free(struct fair_queue *queue);
/* A stream begins and ends: in between, its part of the threads is kept for it during its pauses. One that
 * was not announced has a part while it has something waiting or being worked on. */
void fair_queue_join(struct fair_queue *queue, uint64_t stream, int64_t now_ns);
void fair_queue_leave(struct fair_queue *queue, uint64_t stream);
void fair_queue_push(struct fair_queue *queue, uint64_t stream, void *item);
/* NULL when nothing waits for which a thread may be used now. Every item that is taken ends with
 * fair_queue_done. */
void *fair_queue_pop(struct fair_queue *queue, int64_t now_ns);
/* What was taken for this stream is done and took so long. */
void fair_queue_done(struct fair_queue *queue, uint64_t stream, int64_t took_ns, int64_t now_ns);
/* Takes out all that match; appends to items, per stream in order. */
void fair_queue_remove(struct fair_queue *queue, bool (*match)(const void *item, const void *user),
                       const void *user, GPtrArray *items);
/* Waiting, of all streams. */
unsigned fair_queue_length(const struct fair_queue *queue);
/* Of these, those of one stream. */
unsigned fair_queue_waiting(const struct fair_queue *queue, uint64_t stream);
