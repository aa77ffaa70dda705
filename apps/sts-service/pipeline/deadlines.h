/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deadlines of what is under way: says on the main loop when the earliest has come. Main loop's thread. */
#pragma once

#include <dubbing_clock.h>
#include <stdbool.h>

struct deadlines;

/* on_due is called once for all deadlines up to now_ns, which are then forgotten. The source runs on the
 * default main context. */
struct deadlines *deadlines_new(const struct dub_clock *clock, void (*on_due)(int64_t now_ns, void *user),
                                void *user);
/* NULL is fine. */
void deadlines_free(struct deadlines *deadlines);
/* what: an address, compared only. */
void deadlines_add(struct deadlines *deadlines, const void *what, int64_t deadline_ns);
/* Nothing happens when it is not (any more) there. */
void deadlines_remove(struct deadlines *deadlines, const void *what);
