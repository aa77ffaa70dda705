/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bounded queue between a path and one reader.
 *
 * A reader that is too slow loses what waits for it and goes on at the next key frame; one that overflows
 * again and again without ever catching up is given up. Nobody else notices. The newest sequence headers and
 * metadata are never lost.
 */
#pragma once

#include "media.h"
#include "router_limits.h"

/* More than the largest group of pictures that a reader may start with (STREAM_GOP_MAX_BYTES). */
#define MEDIA_QUEUE_MAX_BYTES (64u << 20)
/* What a reader may be behind where everybody together holds too much: some pictures. */
#define MEDIA_QUEUE_FAIR_BYTES (256u << 10)
/* Overflows without having been empty in between. */
#define MEDIA_QUEUE_MAX_OVERFLOWS 3

enum media_queue_result {
    MEDIA_QUEUE_ACCEPTED,
    MEDIA_QUEUE_DROPPED,  /* counted; the reader goes on later */
    MEDIA_QUEUE_TOO_SLOW, /* disconnect the reader */
};

struct media_queue {
    struct media_message **ring; /* those that wait, the oldest at `first`; NULL: none */
    guint first, length, room;   /* room: of the ring, a power of two */
    gsize bytes;
    guint max_messages;
    guint backlog; /* what the reader was given to start with and has not taken: above the limit */
    bool waits_for_key;
    bool is_behind; /* it waits because it has overflowed, not because it has just begun */
    unsigned overflows;
    uint64_t max_held_bytes;          /* of everybody together (media_held_bytes); the owner's, after init */
    struct router_counters *counters; /* set by the owner after init; NULL: none */
    uint64_t
        dropped; /* of a reader that was too slow; what comes before its first key frame does not count */
};

void media_queue_init(struct media_queue *queue, guint max_messages);
void media_queue_clear(struct media_queue *queue);
/* Start of a stream: of one with video, nothing but configuration is taken before a key frame. */
void media_queue_begin(struct media_queue *queue, bool has_video);
/* What a new reader starts with: not limited, the stream has bounded it. */
void media_queue_push_backlog(struct media_queue *queue, struct media_message *message);
/* has_video: where to go on after an overflow. */
enum media_queue_result media_queue_push(struct media_queue *queue, struct media_message *message,
                                         bool has_video);
/* The caller's reference; NULL when empty. */
struct media_message *media_queue_pop(struct media_queue *queue);
/* The queue's own; index 0 is the next to be popped, those up to queue->length - 1 are there. */
struct media_message *media_queue_peek(const struct media_queue *queue, guint index);
