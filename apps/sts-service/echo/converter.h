/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads that do slow work on jobs for echo mode, first come first served, so that the main loop does not.
 * All calls on the main loop's thread. */
#pragma once

#include "../pipeline/job.h"

struct converter;

/* convert runs on a thread of the converter's, for several jobs at a time, not for jobs that are cancelled;
 * done runs on the main loop's thread and takes the job. */
struct converter *converter_new(void (*convert)(struct job *job),
                                void (*done)(struct job *take_job, void *user), void *user);
/* Takes the job. */
void converter_push(struct converter *converter, struct job *job);
/* Frees what waits for this owner; what is being worked on comes back. */
void converter_cancel(struct converter *converter, uint64_t owner);
/* Jobs pushed and not yet back. */
unsigned converter_depth(const struct converter *converter);
/* Waits for what is being worked on; frees it and the rest without calling done. NULL is fine. */
void converter_free(struct converter *converter);
