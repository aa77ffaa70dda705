/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One stage of the pipeline: what waits for it, and the threads that serve it. How much may wait is decided
 * where jobs enter the pipeline (admission.h), so that no thread ever stands still because the next stage is
 * full of somebody else's work. */
#pragma once

#include "../metrics.h"
#include "job.h"

#include <dubbing_clock.h>

struct stage;

struct stage_config {
    const char *name; /* static; also the metrics' label */
    enum job_stage place;
    unsigned n_threads;
    const struct dub_clock *clock;
    struct sts_metrics *metrics; /* NULL: none are kept */
    /* On a thread of the stage, n_threads at a time. Takes the job and moves it on. */
    void (*handle)(struct job *take_job, void *user);
    void *user;
};

struct stage *stage_new(const struct stage_config *config);
/* Any thread. False when the stage is closed or has already answered for this deadline, or the job has been
 * cancelled; it is then still the caller's. */
bool stage_push(struct stage *stage, struct job *job);
/* Any thread: a stream lives from here to there and has its part of the threads, in its pauses too. */
void stage_join(struct stage *stage, uint64_t stream);
void stage_leave(struct stage *stage, uint64_t stream);
/* Any thread: takes out what waits for this owner. */
void stage_remove(struct stage *stage, uint64_t owner, GPtrArray *jobs);
/* Any thread: takes out what waits and had to be done by until_ns; such a job is not let in afterwards. */
void stage_expire(struct stage *stage, int64_t until_ns, GPtrArray *jobs);
/* Any thread: nothing more is let in or handed to `handle`. */
void stage_close(struct stage *stage);
/* Closes, waits for the threads and frees the jobs that were waiting. Not from the stage's threads. NULL is
 * fine. */
void stage_free(struct stage *stage);
