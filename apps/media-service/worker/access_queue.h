/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compressed pictures that wait for their time. Pure: no clock, no threads. */
#pragma once

#include <dubbing_error.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

/* One H.264 access unit as it came, and where it belongs. */
struct access_unit {
    GstBuffer *buffer;      /* owned; payload and flags are never touched */
    GstCaps *caps;          /* owned; with the codec data that it needs */
    int64_t dts_ns, pts_ns; /* on the input timeline */
    int64_t arrival_ns;     /* monotonic clock */
    int64_t due_ns;         /* monotonic clock: when it leaves */
    bool key;               /* decoding can begin here */
};

/* NULL is fine. */
void access_unit_free(struct access_unit *unit);

struct access_queue {
    GQueue units;
    int64_t bytes, max_bytes; /* waiting; allowed */
    int64_t max_ahead_ns;     /* a unit may be due this much later than now at most */
};

void access_queue_init(struct access_queue *queue, int64_t max_bytes, int64_t max_ahead_ns);
void access_queue_clear(struct access_queue *queue);

/* Takes the unit. On false (a bound is reached; error says which) the unit is still the caller's. */
bool access_queue_push(struct access_queue *queue, struct access_unit *unit, int64_t now_ns,
                       struct dub_error *error);
/* The next unit that is due, owned by the caller; NULL when there is none. */
struct access_unit *access_queue_pop_due(struct access_queue *queue, int64_t now_ns);
/* When the next unit is due; INT64_MAX when the queue is empty. */
int64_t access_queue_next_due_ns(const struct access_queue *queue);
