/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delivery.h"

#include <stddef.h>

static unsigned slot(const struct delivery *delivery, unsigned i)
{
    return (delivery->first + i) % DELIVERY_MAX;
}

bool delivery_announce_at(struct delivery *delivery, void *item, unsigned place)
{
    if (delivery->count == DELIVERY_MAX || place > delivery->count)
        return false;
    for (unsigned i = delivery->count++; i > place; i--)
        delivery->ring[slot(delivery, i)] = delivery->ring[slot(delivery, i - 1)];
    unsigned at = slot(delivery, place);
    delivery->ring[at].item = item;
    delivery->ring[at].finished = false;
    return true;
}

bool delivery_announce(struct delivery *delivery, void *item)
{
    return delivery_announce_at(delivery, item, delivery->count);
}

bool delivery_finish(struct delivery *delivery, const void *item)
{
    for (unsigned i = 0; i < delivery->count; i++) {
        unsigned at = slot(delivery, i);
        if (delivery->ring[at].item != item)
            continue;
        delivery->ring[at].finished = true;
        return true;
    }
    return false;
}

void *delivery_take(struct delivery *delivery)
{
    if (delivery->count == 0 || !delivery->ring[delivery->first].finished)
        return NULL;
    void *item = delivery->ring[delivery->first].item;
    delivery->first = slot(delivery, 1);
    delivery->count--;
    return item;
}

unsigned delivery_count(const struct delivery *delivery)
{
    return delivery->count;
}

void *delivery_at(const struct delivery *delivery, unsigned i)
{
    return i < delivery->count ? delivery->ring[slot(delivery, i)].item : NULL;
}

bool delivery_is_finished_at(const struct delivery *delivery, unsigned i)
{
    return i < delivery->count && delivery->ring[slot(delivery, i)].finished;
}
