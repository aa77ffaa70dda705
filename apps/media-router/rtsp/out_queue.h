/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What waits for a connection's socket: blocks of bytes, by reference, in order. */
#pragma once

#include <glib.h>
#include <sys/uio.h>

struct out_queue {
    GQueue blocks;    /* GBytes */
    gsize sent_bytes; /* of the first */
    gsize pending_bytes;
};

void out_queue_init(struct out_queue *queue);
void out_queue_clear(struct out_queue *queue);
void out_queue_push(struct out_queue *queue, GBytes *take_block);
/* Fills up to max iovecs, valid until advance or clear. Returns how many. */
unsigned out_queue_peek(const struct out_queue *queue, struct iovec *iov, unsigned max);
/* `bytes` of what peek gave are sent. */
void out_queue_advance(struct out_queue *queue, gsize bytes);
