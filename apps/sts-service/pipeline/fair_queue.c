/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fair_queue.h"

struct lane {
    uint64_t stream;
    GQueue items;
    bool joined;
    unsigned working;  /* items taken and not yet done */
    int64_t served_ns; /* on the scale of fair_queue.level_ns */
    int64_t pause_ns;  /* monotonic: when its pause ends, in which it counts without work */
};

struct fair_queue {
    unsigned n_threads;
    unsigned length;
    int64_t level_ns; /* how much the stream that was chosen last had been served: where newcomers begin */
    GQueue lanes;     /* of struct lane, the one that was served longest ago first */
};

struct fair_queue *fair_queue_new(unsigned n_threads)
{
    struct fair_queue *queue = g_new0(struct fair_queue, 1);
    queue->n_threads = n_threads;
    g_queue_init(&queue->lanes);
    return queue;
}

static void free_lane(void *data)
{
    struct lane *lane = data;
    g_queue_clear(&lane->items);
    g_free(lane);
}

void fair_queue_free(struct fair_queue *queue)
{
    if (!queue)
        return;
    g_queue_clear_full(&queue->lanes, free_lane);
    g_free(queue);
}

/* There are as many lanes as live streams: few. */
static struct lane *find_lane(const struct fair_queue *queue, uint64_t stream)
{
    for (GList *link = queue->lanes.head; link; link = link->next) {
        struct lane *lane = link->data;
        if (lane->stream == stream)
            return lane;
    }
    return NULL;
}

static struct lane *get_lane(struct fair_queue *queue, uint64_t stream)
{
    struct lane *lane = find_lane(queue, stream);
    if (lane)
        return lane;
    lane = g_new0(struct lane, 1);
    lane->stream = stream;
    g_queue_init(&lane->items);
    g_queue_push_tail(&queue->lanes, lane);
    return lane;
}

static bool is_idle(const struct lane *lane)
{
    return lane->items.length == 0 && lane->working == 0;
}

/* Whether threads are kept for it. */
static bool counts(const struct lane *lane, int64_t now_ns)
{
    return !is_idle(lane) || (lane->joined && now_ns < lane->pause_ns);
}

/* Nobody has anything to do, so nobody can be ahead of anybody. */
static void start_afresh(struct fair_queue *queue)
{
    for (GList *link = queue->lanes.head; link; link = link->next) {
        const struct lane *lane = link->data;
        if (!is_idle(lane))
            return;
    }
    for (GList *link = queue->lanes.head; link; link = link->next)
        queue->level_ns = MAX(queue->level_ns, ((const struct lane *)link->data)->served_ns);
}

/* Forgets the streams that are over, but not before the others have caught up: else one that comes and goes
 * would always be next. */
static void forget(struct fair_queue *queue)
{
    GList *next;
    start_afresh(queue);
    for (GList *link = queue->lanes.head; link; link = next) {
        struct lane *lane = link->data;
        next = link->next;
        if (lane->joined || !is_idle(lane) || lane->served_ns > queue->level_ns)
            continue;
        g_queue_delete_link(&queue->lanes, link);
        free_lane(lane);
    }
}

void fair_queue_join(struct fair_queue *queue, uint64_t stream, int64_t now_ns)
{
    struct lane *lane = get_lane(queue, stream);
    lane->joined = true;
    lane->pause_ns = now_ns + FAIR_QUEUE_PAUSE_NS;
}

void fair_queue_leave(struct fair_queue *queue, uint64_t stream)
{
    struct lane *lane = find_lane(queue, stream);
    if (!lane)
        return;
    lane->joined = false;
    forget(queue);
}

void fair_queue_push(struct fair_queue *queue, uint64_t stream, void *item)
{
    struct lane *lane = get_lane(queue, stream);
    /* Having had nothing to do earns no right to catch up at the cost of the others. */
    if (is_idle(lane))
        lane->served_ns = MAX(lane->served_ns, queue->level_ns);
    g_queue_push_tail(&lane->items, item);
    queue->length++;
}

/* How many threads each stream that counts may have. */
static unsigned part_of_each(const struct fair_queue *queue, int64_t now_ns)
{
    unsigned n_streams = 0;
    for (GList *link = queue->lanes.head; link; link = link->next)
        n_streams += counts(link->data, now_ns);
    return MAX(queue->n_threads / MAX(n_streams, 1), 1);
}

static GList *choose(const struct fair_queue *queue, int64_t now_ns)
{
    unsigned part = part_of_each(queue, now_ns);
    GList *best = NULL;
    for (GList *link = queue->lanes.head; link; link = link->next) {
        const struct lane *lane = link->data;
        if (lane->items.length == 0 || lane->working >= part)
            continue;
        if (!best || lane->served_ns < ((const struct lane *)best->data)->served_ns)
            best = link;
    }
    return best;
}

void *fair_queue_pop(struct fair_queue *queue, int64_t now_ns)
{
    GList *link = choose(queue, now_ns);
    if (!link)
        return NULL;
    struct lane *lane = link->data;
    g_queue_unlink(&queue->lanes, link);
    g_queue_push_tail_link(&queue->lanes, link);
    queue->level_ns = MAX(queue->level_ns, lane->served_ns);
    queue->length--;
    lane->working++;
    return g_queue_pop_head(&lane->items);
}

void fair_queue_done(struct fair_queue *queue, uint64_t stream, int64_t took_ns, int64_t now_ns)
{
    struct lane *lane = find_lane(queue, stream);
    g_return_if_fail(lane && lane->working > 0);
    lane->working--;
    lane->served_ns += took_ns;
    lane->pause_ns = now_ns + FAIR_QUEUE_PAUSE_NS;
    forget(queue);
}

static void remove_from(struct lane *lane, bool (*match)(const void *, const void *), const void *user,
                        GPtrArray *items)
{
    GList *next;
    for (GList *link = lane->items.head; link; link = next) {
        next = link->next;
        if (!match(link->data, user))
            continue;
        g_ptr_array_add(items, link->data);
        g_queue_delete_link(&lane->items, link);
    }
}

void fair_queue_remove(struct fair_queue *queue, bool (*match)(const void *item, const void *user),
                       const void *user, GPtrArray *items)
{
    guint before = items->len;
    for (GList *link = queue->lanes.head; link; link = link->next)
        remove_from(link->data, match, user, items);
    queue->length -= items->len - before;
    forget(queue);
}

unsigned fair_queue_length(const struct fair_queue *queue)
{
    return queue->length;
}

unsigned fair_queue_waiting(const struct fair_queue *queue, uint64_t stream)
{
    const struct lane *lane = find_lane(queue, stream);
    return lane ? lane->items.length : 0;
}
