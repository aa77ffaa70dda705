/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One stage of the pipeline: a fair bounded queue and the threads that serve it. */
#pragma once

#include "../metrics.h"
#include "job.h"

struct stage;

struct stage_config {
    const char *name; /* static; also the metrics' label */
    unsigned capacity;
    unsigned n_threads;
    struct sts_metrics *metrics;
    /* On a thread of the stage, n_threads at a time. Takes the job and moves it on. */
    void (*handle)(struct job *take_job, void *user);
    void *user;
};

struct stage *stage_new(const struct stage_config *config);
/* Any thread. False when the queue is full or the stage is closed; the job is then still the caller's. */
bool stage_offer(struct stage *stage, struct job *job);
/* Any thread but the stage's own: waits for room. False when the stage is closed. */
bool stage_push(struct stage *stage, struct job *job);
/* Any thread: takes out what waits for this owner. */
void stage_remove(struct stage *stage, uint64_t owner, GPtrArray *jobs);
/* Any thread: nothing more is handed to `handle`, waiting pushes fail. */
void stage_close(struct stage *stage);
/* Closes, waits for the threads and frees the jobs that were waiting. Not from the stage's threads. NULL is
 * fine. */
void stage_free(struct stage *stage);
