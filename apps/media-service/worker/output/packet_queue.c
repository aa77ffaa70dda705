/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet_queue.h"

#include <dubbing_clock.h>

void packet_free(struct packet *packet)
{
    if (!packet)
        return;
    gst_clear_buffer(&packet->buffer);
    gst_clear_caps(&packet->caps);
    g_free(packet);
}

void packet_queue_init(struct packet_queue *queue, int64_t max_bytes, int64_t max_ahead_ns)
{
    *queue = (struct packet_queue){.max_bytes = max_bytes, .max_ahead_ns = max_ahead_ns};
    for (int i = 0; i < TRACK_COUNT; i++)
        g_queue_init(&queue->packets[i]);
}

void packet_queue_clear(struct packet_queue *queue)
{
    for (int i = 0; i < TRACK_COUNT; i++)
        g_queue_clear_full(&queue->packets[i], (GDestroyNotify)packet_free);
    queue->bytes = 0;
}

bool packet_queue_push(struct packet_queue *queue, struct packet *packet, int64_t now_ns,
                       struct dub_error *error)
{
    int64_t bytes = (int64_t)gst_buffer_get_size(packet->buffer);

    if (bytes > queue->max_bytes - queue->bytes)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "the delayed stream would take more than %" G_GINT64_FORMAT
                             " MiB: lower its bit rate or WORKER_LATENCY",
                             queue->max_bytes >> 20);
    if (packet->due_ns - now_ns > queue->max_ahead_ns)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "the publisher's timestamps run %" G_GINT64_FORMAT
                             " s ahead of their arrival: restart the publisher",
                             (packet->due_ns - now_ns) / DUB_NS_PER_S);
    queue->bytes += bytes;
    g_queue_push_tail(&queue->packets[packet->track], packet);
    return true;
}

static int64_t head_due_ns(const struct packet_queue *queue, enum track track)
{
    const GList *head = queue->packets[track].head;
    return head ? ((const struct packet *)head->data)->due_ns : INT64_MAX;
}

/* At the same time the picture goes first: a connection begins with one. */
static enum track next_track(const struct packet_queue *queue)
{
    return head_due_ns(queue, TRACK_AUDIO) < head_due_ns(queue, TRACK_VIDEO) ? TRACK_AUDIO : TRACK_VIDEO;
}

struct packet *packet_queue_pop_due(struct packet_queue *queue, int64_t now_ns)
{
    enum track track = next_track(queue);
    int64_t due_ns = head_due_ns(queue, track);

    if (due_ns == INT64_MAX || due_ns - (track == TRACK_AUDIO ? PACKET_QUEUE_EARLY_NS : 0) > now_ns)
        return NULL;
    struct packet *packet = g_queue_pop_head(&queue->packets[track]);
    queue->bytes -= (int64_t)gst_buffer_get_size(packet->buffer);
    return packet;
}

int64_t packet_queue_wake_ns(const struct packet_queue *queue)
{
    int64_t sound_ns = head_due_ns(queue, TRACK_AUDIO);
    int64_t picture_ns = head_due_ns(queue, TRACK_VIDEO);

    return picture_ns - sound_ns <= PACKET_QUEUE_WAIT_NS ? picture_ns : MIN(picture_ns, sound_ns);
}
