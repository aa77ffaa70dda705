/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access_queue.h"

#include <dubbing_clock.h>

void access_unit_free(struct access_unit *unit)
{
    if (!unit)
        return;
    gst_clear_buffer(&unit->buffer);
    gst_clear_caps(&unit->caps);
    g_free(unit);
}

void access_queue_init(struct access_queue *queue, int64_t max_bytes, int64_t max_ahead_ns)
{
    *queue = (struct access_queue){.max_bytes = max_bytes, .max_ahead_ns = max_ahead_ns};
    g_queue_init(&queue->units);
}

void access_queue_clear(struct access_queue *queue)
{
    g_queue_clear_full(&queue->units, (GDestroyNotify)access_unit_free);
    queue->bytes = 0;
}

bool access_queue_push(struct access_queue *queue, struct access_unit *unit, int64_t now_ns,
                       struct dub_error *error)
{
    int64_t bytes = (int64_t)gst_buffer_get_size(unit->buffer);

    if (bytes > queue->max_bytes - queue->bytes)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "the delayed video would take more than %" G_GINT64_FORMAT
                             " MiB: lower the stream's bit rate or WORKER_LATENCY",
                             queue->max_bytes >> 20);
    if (unit->due_ns - now_ns > queue->max_ahead_ns)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "the publisher's timestamps run %" G_GINT64_FORMAT
                             " s ahead of their arrival: restart the publisher",
                             (unit->due_ns - now_ns) / DUB_NS_PER_S);
    queue->bytes += bytes;
    g_queue_push_tail(&queue->units, unit);
    return true;
}

struct access_unit *access_queue_pop_due(struct access_queue *queue, int64_t now_ns)
{
    if (access_queue_next_due_ns(queue) > now_ns)
        return NULL;
    struct access_unit *unit = g_queue_pop_head(&queue->units);
    if (unit)
        queue->bytes -= (int64_t)gst_buffer_get_size(unit->buffer);
    return unit;
}

int64_t access_queue_next_due_ns(const struct access_queue *queue)
{
    const struct access_unit *next = queue->units.head ? queue->units.head->data : NULL;
    return next ? next->due_ns : INT64_MAX;
}
