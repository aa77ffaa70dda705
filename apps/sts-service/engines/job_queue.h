/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: calls that take long are jobs for threads of the engine's own. A caller waits under
 * the terms of its call and leaves at once when they are over: its job is taken back from the queue, or,
 * where a thread is at it, marked as abandoned for the thread to drop and free. So a library that cannot be
 * interrupted holds up nobody but its own thread.
 *
 *     caller                    queue                 thread i
 *       | job_queue_run(job) ---->|                       |
 *       |                         |----- ops->run(worker i, job)
 *       |<------------------ done, the caller's again ----|
 *       |   or: deadline, cancel: job->abandoned = 1      | freed when run returns */
#pragma once

#include "engine.h"

#define JOB_QUEUE_MAX_THREADS 16

/* The first member of an engine's own job. What else is in that one is the caller's until job_queue_run(),
 * the thread's while it runs, and the caller's again when that gives it back. */
struct engine_job {
    int abandoned; /* atomic: once it is not 0, nobody waits for the result */
    bool done;
    bool succeeded; /* what run has returned */
    struct dub_error error;
};

struct job_queue_ops {
    const char *thread_name; /* at most 15 letters */
    enum dub_stage stage;
    /* On one of the queue's threads, each with its own worker. On false, job->error. */
    bool (*run)(void *worker, struct engine_job *job);
    void (*free_job)(struct engine_job *job);
    /* Nobody waits for it any longer and a thread is at it: what interrupts it, quickly; on the caller's
     * thread, the queue's lock held. NULL: run looks at `abandoned` itself. */
    void (*stop)(struct engine_job *job);

    /* What follows may be NULL too. Of each thread, before its first job and after its last: what has to be
     * loaded on it, beside the others. One that cannot begin has no jobs, nor an end. */
    bool (*begin)(void *worker, struct dub_error *error);
    void (*end)(void *worker);
    /* For threads that have more to do than the jobs in their order. With the queue's lock held: true with
     * the job that this one does now, or with *job NULL for something else, which aside() then does without
     * the lock. False: nothing now; asked again when something has changed, and after 20 ms where jobs are
     * left. */
    bool (*choose)(void *worker, const GQueue *jobs, struct engine_job **job);
    void (*aside)(void *worker);
};

struct job_queue;

/* ops is static; a thread for each of the workers, which are borrowed and outlive the queue. At most
 * JOB_QUEUE_MAX_THREADS. */
struct job_queue *job_queue_new(const struct job_queue_ops *ops, void *const *workers, int count);
/* Waits until one thread has begun. False with the error of one that could not: what is broken for one is
 * broken for all. One that cannot later leaves the jobs to the others. */
bool job_queue_wait_begun(struct job_queue *queue, struct dub_error *error);
/* NULL is fine. No caller is in job_queue_run() any more; abandoned jobs are waited for. */
void job_queue_free(struct job_queue *queue);
/* Any thread; takes the job. It comes back when it is done, well or not; NULL with TIMEOUT or CANCELLED: the
 * call's terms are over. */
struct engine_job *job_queue_run(struct job_queue *queue, struct engine_job *take_job,
                                 const struct engine_call *call, struct dub_error *error);
/* Something that choose() goes by has changed. Any thread, without a lock that choose() takes. */
void job_queue_wake(struct job_queue *queue);
