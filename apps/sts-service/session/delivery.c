/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delivery.h"

#include <stddef.h>

static unsigned place(const struct delivery *delivery, unsigned i)
{
    return (delivery->first + i) % DELIVERY_MAX;
}

bool delivery_announce(struct delivery *delivery, void *item)
{
    if (delivery->count == DELIVERY_MAX)
        return false;
    unsigned at = place(delivery, delivery->count++);
    delivery->ring[at].item = item;
    delivery->ring[at].finished = false;
    return true;
}

bool delivery_finish(struct delivery *delivery, const void *item)
{
    for (unsigned i = 0; i < delivery->count; i++) {
        unsigned at = place(delivery, i);
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
    delivery->first = place(delivery, 1);
    delivery->count--;
    return item;
}

unsigned delivery_count(const struct delivery *delivery)
{
    return delivery->count;
}

void *delivery_at(const struct delivery *delivery, unsigned i)
{
    return i < delivery->count ? delivery->ring[place(delivery, i)].item : NULL;
}

bool delivery_is_finished_at(const struct delivery *delivery, unsigned i)
{
    return i < delivery->count && delivery->ring[place(delivery, i)].finished;
}
