/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bounded queue that serves its owners in turn: whoever has much waiting does not delay who has little.
 *
 * Per owner first in, first out; between owners round robin. The bound counts all items, but an owner with
 * nothing waiting may always add one, so that nobody is kept out by others. Not locked. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct fair_queue;

struct fair_queue *fair_queue_new(unsigned capacity);
/* The items that are left are the caller's problem: take them out first. NULL is fine. */
void fair_queue_free(struct fair_queue *queue);
/* False when it is full for this owner. */
bool fair_queue_push(struct fair_queue *queue, uint64_t owner, void *item);
/* NULL when empty. */
void *fair_queue_pop(struct fair_queue *queue);
/* Takes out everything of one owner; append to items in order. */
void fair_queue_remove(struct fair_queue *queue, uint64_t owner, GPtrArray *items);
unsigned fair_queue_length(const struct fair_queue *queue);
