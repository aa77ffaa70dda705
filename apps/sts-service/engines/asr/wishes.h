/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the pocketsphinx engine: the vocabularies that streams have asked for, and which of its threads
 * has yet to load them. Not locked. */
#pragma once

#include "hints.h"

/* The oldest is forgotten; more are not kept by any thread either. */
#define WISHES_MAX 16

struct wishes;

struct wishes *wishes_new(void);
/* NULL is fine. */
void wishes_free(struct wishes *wishes);
/* All threads are to load these. One that is known changes nothing. References the hints. */
void wishes_add(struct wishes *wishes, struct hints *hints);
/* What this thread (below 32) is to load next; NULL: nothing. Owned by the caller. */
struct hints *wishes_next(const struct wishes *wishes, unsigned thread);
/* Whether this thread is yet to load them. */
bool wishes_are_open(const struct wishes *wishes, const struct hints *hints, unsigned thread);
/* It has, or cannot. */
void wishes_settle(struct wishes *wishes, const struct hints *hints, unsigned thread);
