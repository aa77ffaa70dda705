/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out_queue.h"

static void unref_block(gpointer block)
{
    g_bytes_unref(block);
}

void out_queue_init(struct out_queue *queue)
{
    *queue = (struct out_queue){.blocks = G_QUEUE_INIT};
}

void out_queue_clear(struct out_queue *queue)
{
    g_queue_clear_full(&queue->blocks, unref_block);
    queue->sent_bytes = queue->pending_bytes = 0;
}

void out_queue_push(struct out_queue *queue, GBytes *take_block)
{
    gsize size = g_bytes_get_size(take_block);
    if (size == 0) {
        g_bytes_unref(take_block);
        return;
    }
    queue->pending_bytes += size;
    g_queue_push_tail(&queue->blocks, take_block);
}

unsigned out_queue_peek(const struct out_queue *queue, struct iovec *iov, unsigned max)
{
    unsigned n = 0;
    gsize skip = queue->sent_bytes;
    for (GList *link = queue->blocks.head; link != NULL && n < max; link = link->next) {
        gsize size;
        const char *data = g_bytes_get_data(link->data, &size);
        iov[n++] = (struct iovec){(void *)(data + skip), size - skip};
        skip = 0;
    }
    return n;
}

void out_queue_advance(struct out_queue *queue, gsize bytes)
{
    queue->pending_bytes -= bytes;
    queue->sent_bytes += bytes;
    GBytes *first;
    while ((first = g_queue_peek_head(&queue->blocks)) != NULL &&
           queue->sent_bytes >= g_bytes_get_size(first)) {
        queue->sent_bytes -= g_bytes_get_size(first);
        g_bytes_unref(g_queue_pop_head(&queue->blocks));
    }
}
