/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fair_queue.h"

struct lane {
    uint64_t owner;
    GQueue items;
};

struct fair_queue {
    unsigned capacity;
    unsigned length;
    GQueue lanes; /* of struct lane that is not empty; the first is served next */
};

struct fair_queue *fair_queue_new(unsigned capacity)
{
    struct fair_queue *queue = g_new0(struct fair_queue, 1);
    queue->capacity = capacity;
    g_queue_init(&queue->lanes);
    return queue;
}

void fair_queue_free(struct fair_queue *queue)
{
    if (!queue)
        return;
    while (fair_queue_pop(queue))
        continue;
    g_free(queue);
}

/* There are as many lanes as streams with something waiting: few. */
static GList *find_lane(const struct fair_queue *queue, uint64_t owner)
{
    for (GList *link = queue->lanes.head; link; link = link->next) {
        const struct lane *lane = link->data;
        if (lane->owner == owner)
            return link;
    }
    return NULL;
}

static struct lane *add_lane(struct fair_queue *queue, uint64_t owner)
{
    struct lane *lane = g_new0(struct lane, 1);
    lane->owner = owner;
    g_queue_init(&lane->items);
    g_queue_push_tail(&queue->lanes, lane);
    return lane;
}

bool fair_queue_push(struct fair_queue *queue, uint64_t owner, void *item)
{
    GList *link = find_lane(queue, owner);
    if (link && queue->length >= queue->capacity)
        return false;
    struct lane *lane = link ? link->data : add_lane(queue, owner);
    g_queue_push_tail(&lane->items, item);
    queue->length++;
    return true;
}

void *fair_queue_pop(struct fair_queue *queue)
{
    struct lane *lane = g_queue_pop_head(&queue->lanes);
    if (!lane)
        return NULL;
    void *item = g_queue_pop_head(&lane->items);
    queue->length--;
    if (lane->items.length > 0)
        g_queue_push_tail(&queue->lanes, lane);
    else
        g_free(lane);
    return item;
}

void fair_queue_remove(struct fair_queue *queue, uint64_t owner, GPtrArray *items)
{
    GList *link = find_lane(queue, owner);
    if (!link)
        return;
    struct lane *lane = link->data;
    while (lane->items.length > 0) {
        g_ptr_array_add(items, g_queue_pop_head(&lane->items));
        queue->length--;
    }
    g_queue_delete_link(&queue->lanes, link);
    g_free(lane);
}

unsigned fair_queue_length(const struct fair_queue *queue)
{
    return queue->length;
}
