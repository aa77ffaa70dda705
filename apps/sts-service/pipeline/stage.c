/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage.h"

#include "fair_queue.h"

#include <pthread.h>

struct stage {
    struct stage_config config;
    pthread_mutex_t lock; /* guards queue, closed, expired_ns */
    pthread_cond_t changed;
    struct fair_queue *queue;
    bool closed;
    int64_t expired_ns; /* deadlines up to here have been answered for */
    GThread **threads;
};

static int64_t now_ns(const struct stage *stage)
{
    return dub_clock_now_ns(stage->config.clock);
}

/* The caller holds the lock. Whatever changes in the queue may let a waiting thread go on. */
static void note_change(struct stage *stage)
{
    unsigned depth = fair_queue_length(stage->queue) - fair_queue_waiting(stage->queue, JOB_WARM_UP);
    if (stage->config.metrics)
        sts_metrics_depth(stage->config.metrics, stage->config.name, depth);
    pthread_cond_broadcast(&stage->changed);
}

/* The next job, or NULL when the stage is closed. */
static struct job *wait_for_job(struct stage *stage)
{
    struct job *job = NULL;
    pthread_mutex_lock(&stage->lock);
    while (!stage->closed && !(job = fair_queue_pop(stage->queue, now_ns(stage))))
        pthread_cond_wait(&stage->changed, &stage->lock);
    if (job)
        note_change(stage);
    pthread_mutex_unlock(&stage->lock);
    return job;
}

static void note_wait(struct stage *stage, struct job *job, int64_t until_ns)
{
    int64_t waited_ns = until_ns - job->queued_ns;
    job->waited_ns[stage->config.place] = waited_ns;
    if (stage->config.metrics && job->owner != JOB_WARM_UP)
        sts_metrics_wait(stage->config.metrics, stage->config.name, (double)waited_ns / (double)DUB_NS_PER_S);
}

static void note_done(struct stage *stage, uint64_t stream, int64_t start_ns)
{
    int64_t end_ns = now_ns(stage);
    pthread_mutex_lock(&stage->lock);
    fair_queue_done(stage->queue, stream, end_ns - start_ns, end_ns);
    note_change(stage);
    pthread_mutex_unlock(&stage->lock);
}

static gpointer serve(gpointer data)
{
    struct stage *stage = data;
    struct job *job;
    while ((job = wait_for_job(stage))) {
        uint64_t stream = job_stream(job);
        int64_t start_ns = now_ns(stage);
        note_wait(stage, job, start_ns);
        stage->config.handle(job, stage->config.user);
        note_done(stage, stream, start_ns);
    }
    return NULL;
}

struct stage *stage_new(const struct stage_config *config)
{
    struct stage *stage = g_new0(struct stage, 1);
    stage->config = *config;
    stage->queue = fair_queue_new(config->n_threads);
    stage->threads = g_new0(GThread *, config->n_threads);
    stage->expired_ns = INT64_MIN;
    pthread_mutex_init(&stage->lock, NULL);
    pthread_cond_init(&stage->changed, NULL);
    note_change(stage);
    for (unsigned i = 0; i < config->n_threads; i++)
        stage->threads[i] = g_thread_new(config->name, serve, stage);
    return stage;
}

bool stage_push(struct stage *stage, struct job *job)
{
    pthread_mutex_lock(&stage->lock);
    /* Under the lock, for whoever cancels does it before stage_remove: so nothing slips in behind that. */
    bool let_in = !stage->closed && job->deadline_ns > stage->expired_ns &&
                  !g_cancellable_is_cancelled(job->cancellable);
    if (let_in) {
        job->queued_ns = now_ns(stage);
        fair_queue_push(stage->queue, job_stream(job), job);
        note_change(stage);
    }
    pthread_mutex_unlock(&stage->lock);
    return let_in;
}

void stage_join(struct stage *stage, uint64_t stream)
{
    pthread_mutex_lock(&stage->lock);
    fair_queue_join(stage->queue, stream, now_ns(stage));
    pthread_mutex_unlock(&stage->lock);
}

void stage_leave(struct stage *stage, uint64_t stream)
{
    pthread_mutex_lock(&stage->lock);
    fair_queue_leave(stage->queue, stream);
    note_change(stage);
    pthread_mutex_unlock(&stage->lock);
}

static void take_out(struct stage *stage, bool (*match)(const void *, const void *), const void *user,
                     GPtrArray *jobs)
{
    pthread_mutex_lock(&stage->lock);
    fair_queue_remove(stage->queue, match, user, jobs);
    note_change(stage);
    pthread_mutex_unlock(&stage->lock);
}

static bool is_of_owner(const void *job, const void *owner)
{
    return ((const struct job *)job)->owner == *(const uint64_t *)owner;
}

void stage_remove(struct stage *stage, uint64_t owner, GPtrArray *jobs)
{
    take_out(stage, is_of_owner, &owner, jobs);
}

static bool is_due(const void *job, const void *by_ns)
{
    return ((const struct job *)job)->deadline_ns <= *(const int64_t *)by_ns;
}

void stage_expire(struct stage *stage, int64_t until_ns, GPtrArray *jobs)
{
    guint before = jobs->len;
    pthread_mutex_lock(&stage->lock);
    stage->expired_ns = MAX(stage->expired_ns, until_ns);
    fair_queue_remove(stage->queue, is_due, &until_ns, jobs);
    note_change(stage);
    pthread_mutex_unlock(&stage->lock);
    for (guint i = before; i < jobs->len; i++)
        note_wait(stage, jobs->pdata[i], until_ns);
}

void stage_close(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    stage->closed = true;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

static bool is_any(const void *job, const void *user)
{
    return true;
}

void stage_free(struct stage *stage)
{
    if (!stage)
        return;
    stage_close(stage);
    for (unsigned i = 0; i < stage->config.n_threads; i++)
        g_thread_join(stage->threads[i]);
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    fair_queue_remove(stage->queue, is_any, NULL, jobs);
    fair_queue_free(stage->queue);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
    g_free(stage->threads);
    g_free(stage);
}
