/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media_queue.h"

#include <string.h>

#define FEW_MESSAGES 8 /* the room of a reader that keeps up */

void media_queue_init(struct media_queue *queue, guint max_messages)
{
    memset(queue, 0, sizeof *queue);
    queue->max_messages = max_messages;
    queue->max_held_bytes = G_MAXUINT64;
}

static struct media_message **place(const struct media_queue *queue, guint index)
{
    return &queue->ring[(queue->first + index) & (queue->room - 1)];
}

struct media_message *media_queue_peek(const struct media_queue *queue, guint index)
{
    return *place(queue, index);
}

static void grow(struct media_queue *queue)
{
    const guint room = MAX(FEW_MESSAGES, 2 * queue->room);
    struct media_message **ring = g_new(struct media_message *, room);
    for (guint i = 0; i < queue->length; i++)
        ring[i] = media_queue_peek(queue, i);
    g_free(queue->ring);
    queue->ring = ring;
    queue->room = room;
    queue->first = 0;
}

/* Who has been far behind needs the room no longer. */
static void shrink(struct media_queue *queue)
{
    if (queue->length > 0 || queue->room <= FEW_MESSAGES)
        return;
    g_clear_pointer(&queue->ring, g_free);
    queue->room = 0;
}

void media_queue_clear(struct media_queue *queue)
{
    for (guint i = 0; i < queue->length; i++)
        media_message_unref(media_queue_peek(queue, i));
    g_clear_pointer(&queue->ring, g_free);
    queue->first = queue->length = queue->room = 0;
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
    if (queue->length == queue->room)
        grow(queue);
    *place(queue, queue->length++) = media_message_ref(message);
    queue->bytes += message->size;
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
    return queue->length >= queue->max_messages + queue->backlog ||
           queue->bytes + message->size > MEDIA_QUEUE_MAX_BYTES ||
           (queue->bytes > MEDIA_QUEUE_FAIR_BYTES && media_held_bytes() > queue->max_held_bytes);
}

/* Keeps the newest configuration of each kind: it is what the next key frame needs. */
static void drop_waiting(struct media_queue *queue)
{
    guint n_kept = 0;
    bool has[3] = {false}; /* by enum media_kind */
    for (guint i = queue->length; i-- > 0;) {
        struct media_message *message = media_queue_peek(queue, i);
        if (message->is_config && !has[message->kind]) {
            has[message->kind] = true;
            *place(queue, queue->length - ++n_kept) = message; /* at i or behind */
            continue;
        }
        queue->bytes -= message->size;
        count_dropped(queue);
        media_message_unref(message);
    }
    queue->first = (queue->first + queue->length - n_kept) & (queue->room - 1);
    queue->length = n_kept;
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
    if (queue->length == 0)
        return NULL;
    struct media_message *message = media_queue_peek(queue, 0);
    queue->first = (queue->first + 1) & (queue->room - 1);
    queue->length--;
    queue->bytes -= message->size;
    if (queue->backlog > 0)
        queue->backlog--;
    if (queue->length == 0)
        queue->overflows = 0;
    shrink(queue);
    return message;
}
