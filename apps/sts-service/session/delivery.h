/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In-order delivery: items leave in the order in which they stand, whatever order they are finished
 * in. Pure; the owner's thread. Items are borrowed, compared by address. */
#pragma once

#include <stdbool.h>

#define DELIVERY_MAX 64

struct delivery {
    struct {
        void *item;
        bool finished;
    } ring[DELIVERY_MAX];
    unsigned first;
    unsigned count;
};

/* The item takes the next place. False when DELIVERY_MAX items are under way. */
bool delivery_announce(struct delivery *delivery, void *item);
/* The same at the given place, 0..count: those from there on move back by one. */
bool delivery_announce_at(struct delivery *delivery, void *item, unsigned place);
/* False for an item that is not under way. */
bool delivery_finish(struct delivery *delivery, const void *item);
/* The item whose turn it is, removed, when it is finished; else NULL. */
void *delivery_take(struct delivery *delivery);
/* Under way, finished ones that have not been taken included. */
unsigned delivery_count(const struct delivery *delivery);
/* The i-th item under way, in order. */
void *delivery_at(const struct delivery *delivery, unsigned i);
bool delivery_is_finished_at(const struct delivery *delivery, unsigned i);
