/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compressed pictures and sound that wait for their time. Pure: no clock, no threads. */
#pragma once

#include "../time/timestamp_map.h"

#include <dubbing_error.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

/* One H.264 access unit as it came, or one AAC packet of ours, and where it belongs. */
struct packet {
    enum track track;
    GstBuffer *buffer;      /* owned; payload and flags are never touched */
    GstCaps *caps;          /* owned; of video: with the codec data that it needs; of audio: NULL */
    int64_t dts_ns, pts_ns; /* on the input timeline */
    int64_t source_ns;      /* of video: the publisher's own PTS, never wrapped; of audio: not used */
    int64_t arrival_ns;     /* monotonic clock; 0 for audio */
    int64_t due_ns;         /* monotonic clock: when it leaves */
    bool key;               /* decoding can begin here */
};

/* NULL is fine. */
void packet_free(struct packet *packet);

/* Sound may leave this much early, together with a picture that is due, or wait this much for the next
 * picture, so that the release wakes less often: at 30 pictures a second only for them. Never before a
 * picture that comes before it, nor after one that comes after it. */
#define PACKET_QUEUE_EARLY_NS (INT64_C(20) * 1000 * 1000)
#define PACKET_QUEUE_WAIT_NS (INT64_C(14) * 1000 * 1000)

struct packet_queue {
    GQueue packets[TRACK_COUNT]; /* each in order of due_ns */
    int64_t bytes, max_bytes;    /* waiting; allowed */
    int64_t max_ahead_ns;        /* a packet may be due this much later than now at most */
};

void packet_queue_init(struct packet_queue *queue, int64_t max_bytes, int64_t max_ahead_ns);
void packet_queue_clear(struct packet_queue *queue);

/* Takes the packet. On false (a bound is reached; error says which) it is still the caller's. */
bool packet_queue_push(struct packet_queue *queue, struct packet *packet, int64_t now_ns,
                       struct dub_error *error);
/* The next packet of both tracks that is due (or may leave early), owned by the caller; NULL when there is
 * none. */
struct packet *packet_queue_pop_due(struct packet_queue *queue, int64_t now_ns);
/* When to come back for the next packet; INT64_MAX when the queue is empty. */
int64_t packet_queue_wake_ns(const struct packet_queue *queue);
