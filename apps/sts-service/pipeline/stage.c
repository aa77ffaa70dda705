/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage.h"

#include "fair_queue.h"

#include <dubbing_clock.h>
#include <pthread.h>

struct stage {
    struct stage_config config;
    pthread_mutex_t lock; /* guards queue and closed */
    pthread_cond_t changed;
    struct fair_queue *queue;
    bool closed;
    GThread **threads;
};

static void note_depth(struct stage *stage)
{
    sts_metrics_depth(stage->config.metrics, stage->config.name, fair_queue_length(stage->queue));
}

/* The next job, or NULL when the stage is closed. */
static struct job *wait_for_job(struct stage *stage)
{
    struct job *job = NULL;
    pthread_mutex_lock(&stage->lock);
    while (!stage->closed && !(job = fair_queue_pop(stage->queue)))
        pthread_cond_wait(&stage->changed, &stage->lock);
    if (job) {
        note_depth(stage);
        pthread_cond_broadcast(&stage->changed);
    }
    pthread_mutex_unlock(&stage->lock);
    return job;
}

static gpointer serve(gpointer data)
{
    struct stage *stage = data;
    struct job *job;
    while ((job = wait_for_job(stage))) {
        int64_t waited_ns = dub_clock_now_ns(dub_clock_monotonic()) - job->queued_ns;
        sts_metrics_wait(stage->config.metrics, stage->config.name, (double)waited_ns / (double)DUB_NS_PER_S);
        stage->config.handle(job, stage->config.user);
    }
    return NULL;
}

struct stage *stage_new(const struct stage_config *config)
{
    struct stage *stage = g_new0(struct stage, 1);
    stage->config = *config;
    stage->queue = fair_queue_new(config->capacity);
    stage->threads = g_new0(GThread *, config->n_threads);
    pthread_mutex_init(&stage->lock, NULL);
    pthread_cond_init(&stage->changed, NULL);
    note_depth(stage);
    for (unsigned i = 0; i < config->n_threads; i++)
        stage->threads[i] = g_thread_new(config->name, serve, stage);
    return stage;
}

/* The caller holds the lock. */
static bool try_push(struct stage *stage, struct job *job)
{
    job->queued_ns = dub_clock_now_ns(dub_clock_monotonic());
    if (stage->closed || !fair_queue_push(stage->queue, job->owner, job))
        return false;
    note_depth(stage);
    pthread_cond_broadcast(&stage->changed);
    return true;
}

bool stage_offer(struct stage *stage, struct job *job)
{
    pthread_mutex_lock(&stage->lock);
    bool pushed = try_push(stage, job);
    pthread_mutex_unlock(&stage->lock);
    return pushed;
}

bool stage_push(struct stage *stage, struct job *job)
{
    bool pushed;
    pthread_mutex_lock(&stage->lock);
    while (!(pushed = try_push(stage, job)) && !stage->closed)
        pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);
    return pushed;
}

void stage_remove(struct stage *stage, uint64_t owner, GPtrArray *jobs)
{
    pthread_mutex_lock(&stage->lock);
    fair_queue_remove(stage->queue, owner, jobs);
    note_depth(stage);
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

void stage_close(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    stage->closed = true;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

void stage_free(struct stage *stage)
{
    struct job *job;
    if (!stage)
        return;
    stage_close(stage);
    for (unsigned i = 0; i < stage->config.n_threads; i++)
        g_thread_join(stage->threads[i]);
    while ((job = fair_queue_pop(stage->queue)))
        job_free(job);
    fair_queue_free(stage->queue);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
    g_free(stage->threads);
    g_free(stage);
}
