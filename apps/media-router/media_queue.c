/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media_queue.h"

#include <string.h>

static void unref_message(gpointer message)
{
    media_message_unref(message);
}

void media_queue_init(struct media_queue *queue, guint max_messages)
{
    memset(queue, 0, sizeof *queue);
    g_queue_init(&queue->messages);
    queue->max_messages = max_messages;
    queue->max_held_bytes = G_MAXUINT64;
}

void media_queue_clear(struct media_queue *queue)
{
    g_queue_clear_full(&queue->messages, unref_message);
    queue->bytes = 0;
    queue->backlog = 0;
}

void media_queue_begin(struct media_queue *queue, bool has_video)
{
    media_queue_clear(queue);
    queue->waits_for_key = has_video;
    queue->is_behind = false;
    queue->overflows = 0;
}

static void append(struct media_queue *queue, struct media_message *message)
{
    g_queue_push_tail(&queue->messages, media_message_ref(message));
    queue->bytes += media_message_bytes(message);
}

void media_queue_push_backlog(struct media_queue *queue, struct media_message *message)
{
    if (message->is_key)
        queue->waits_for_key = false;
    append(queue, message);
    queue->backlog++;
}

static void count_dropped(struct media_queue *queue)
{
    queue->dropped++;
    if (queue->counters != NULL)
        queue->counters->discarded++;
}

static bool is_full(const struct media_queue *queue, const struct media_message *message)
{
    return queue->messages.length >= queue->max_messages + queue->backlog ||
           queue->bytes + media_message_bytes(message) > MEDIA_QUEUE_MAX_BYTES ||
           (queue->bytes > MEDIA_QUEUE_FAIR_BYTES && media_held_bytes() > queue->max_held_bytes);
}

/* Keeps the newest configuration of each kind: it is what the next key frame needs. */
static void drop_waiting(struct media_queue *queue)
{
    GQueue kept = G_QUEUE_INIT;
    bool has[3] = {false}; /* by enum media_kind */
    struct media_message *message;
    while ((message = g_queue_pop_tail(&queue->messages)) != NULL) {
        if (message->is_config && !has[message->kind]) {
            has[message->kind] = true;
            g_queue_push_head(&kept, message);
            continue;
        }
        queue->bytes -= media_message_bytes(message);
        count_dropped(queue);
        media_message_unref(message);
    }
    queue->messages = kept;
    queue->backlog = 0;
}

static bool must_wait(struct media_queue *queue, const struct media_message *message)
{
    if (message->is_key)
        queue->waits_for_key = queue->is_behind = false;
    return queue->waits_for_key && !message->is_config;
}

enum media_queue_result media_queue_push(struct media_queue *queue, struct media_message *message,
                                         bool has_video)
{
    if (is_full(queue, message)) {
        drop_waiting(queue);
        queue->waits_for_key = queue->is_behind = has_video;
        if (++queue->overflows > MEDIA_QUEUE_MAX_OVERFLOWS) {
            if (queue->counters != NULL)
                queue->counters->too_slow++;
            return MEDIA_QUEUE_TOO_SLOW;
        }
    }
    if (must_wait(queue, message)) {
        if (queue->is_behind)
            count_dropped(queue);
        return MEDIA_QUEUE_DROPPED;
    }
    append(queue, message);
    return MEDIA_QUEUE_ACCEPTED;
}

struct media_message *media_queue_pop(struct media_queue *queue)
{
    struct media_message *message = g_queue_pop_head(&queue->messages);
    if (message == NULL)
        return NULL;
    queue->bytes -= media_message_bytes(message);
    if (queue->backlog > 0)
        queue->backlog--;
    if (queue->messages.length == 0)
        queue->overflows = 0;
    return message;
}
