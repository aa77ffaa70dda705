/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads that do slow work on jobs for echo mode, so that the main loop does not: a stage (stage.h) with a
 * way back, so each stream has its share of them. All calls on the main loop's thread. */
#pragma once

#include "../pipeline/job.h"

#include <dubbing_clock.h>

struct converter;

/* convert runs on a thread of the converter's, for several jobs at a time, not for jobs that are cancelled;
 * done runs on the main loop's thread and takes the job. */
struct converter *converter_new(const struct dub_clock *clock, void (*convert)(struct job *job),
                                void (*done)(struct job *take_job, void *user), void *user);
/* Takes the job. */
void converter_push(struct converter *converter, struct job *job);
/* Takes out what waits for this owner; what is being worked on comes back. */
void converter_remove(struct converter *converter, uint64_t owner, GPtrArray *jobs);
/* What waits and had to be done by until_ns comes back without having been worked on. */
void converter_expire(struct converter *converter, int64_t until_ns);
/* Jobs pushed and not yet back. */
unsigned converter_depth(const struct converter *converter);
/* Waits for what is being worked on; frees it and the rest without calling done. NULL is fine. */
void converter_free(struct converter *converter);
