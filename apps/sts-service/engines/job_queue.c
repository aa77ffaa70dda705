/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job_queue.h"

#include "wait.h"

struct job_thread {
    struct job_queue *queue;
    void *worker;
    GThread *thread;
};

struct job_queue {
    const struct job_queue_ops *ops;
    struct job_thread threads[JOB_QUEUE_MAX_THREADS];
    int count;
    pthread_mutex_t lock; /* guards what follows, and the jobs' done */
    pthread_cond_t changed;
    GQueue jobs;
    int begun;
    int broken;               /* could not begin */
    struct dub_error problem; /* of one that is broken */
    bool quit;
};

/* Lock held. A job, no longer in the queue, or NULL for something else. False: nothing now. */
static bool find_work(struct job_thread *thread, struct engine_job **job)
{
    struct job_queue *queue = thread->queue;
    *job = NULL;
    if (!queue->ops->choose) {
        *job = g_queue_pop_head(&queue->jobs);
        return *job != NULL;
    }
    if (!queue->ops->choose(thread->worker, &queue->jobs, job))
        return false;
    if (*job)
        g_queue_remove(&queue->jobs, *job);
    return true;
}

/* Lock held. Jobs that no thread may do yet can become ripe by themselves. */
static void wait_for_change(struct job_queue *queue)
{
    static const struct engine_call any_time = {0};
    if (g_queue_is_empty(&queue->jobs))
        pthread_cond_wait(&queue->changed, &queue->lock);
    else
        engine_wait_step(&queue->changed, &queue->lock, &any_time);
}

/* False: the queue ends. */
static bool take(struct job_thread *thread, struct engine_job **job)
{
    struct job_queue *queue = thread->queue;
    pthread_mutex_lock(&queue->lock);
    while (!queue->quit && !find_work(thread, job))
        wait_for_change(queue);
    bool going_on = !queue->quit;
    pthread_mutex_unlock(&queue->lock);
    return going_on;
}

static void give_back(struct job_queue *queue, struct engine_job *job, bool succeeded)
{
    pthread_mutex_lock(&queue->lock);
    bool abandoned = g_atomic_int_get(&job->abandoned) != 0;
    job->succeeded = succeeded;
    job->done = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    if (abandoned)
        queue->ops->free_job(job);
}

static bool begin(struct job_thread *thread)
{
    struct job_queue *queue = thread->queue;
    struct dub_error problem = {0};
    bool begun = !queue->ops->begin || queue->ops->begin(thread->worker, &problem);
    pthread_mutex_lock(&queue->lock);
    queue->begun += begun ? 1 : 0;
    queue->broken += begun ? 0 : 1;
    if (!begun)
        queue->problem = problem;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return begun;
}

static gpointer thread_main(gpointer user)
{
    struct job_thread *thread = user;
    const struct job_queue_ops *ops = thread->queue->ops;
    struct engine_job *job;
    if (!begin(thread))
        return NULL;
    while (take(thread, &job)) {
        if (job)
            give_back(thread->queue, job, ops->run(thread->worker, job));
        else
            ops->aside(thread->worker);
    }
    if (ops->end)
        ops->end(thread->worker);
    return NULL;
}

struct job_queue *job_queue_new(const struct job_queue_ops *ops, void *const *workers, int count)
{
    struct job_queue *queue = g_new0(struct job_queue, 1);
    g_assert(count > 0 && count <= JOB_QUEUE_MAX_THREADS);
    queue->ops = ops;
    queue->count = count;
    pthread_mutex_init(&queue->lock, NULL);
    engine_wait_init(&queue->changed);
    g_queue_init(&queue->jobs);
    for (int i = 0; i < count; i++) {
        struct job_thread *thread = &queue->threads[i];
        *thread = (struct job_thread){.queue = queue, .worker = workers[i]};
        thread->thread = g_thread_new(ops->thread_name, thread_main, thread);
    }
    return queue;
}

bool job_queue_wait_begun(struct job_queue *queue, struct dub_error *error)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->begun == 0 && queue->broken == 0)
        pthread_cond_wait(&queue->changed, &queue->lock);
    bool usable = queue->broken == 0;
    if (!usable && error)
        *error = queue->problem;
    pthread_mutex_unlock(&queue->lock);
    return usable;
}

void job_queue_free(struct job_queue *queue)
{
    if (!queue)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->quit = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    for (int i = 0; i < queue->count; i++)
        g_thread_join(queue->threads[i].thread);
    g_assert(g_queue_is_empty(&queue->jobs));
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    g_free(queue);
}

static void abandon(const struct job_queue *queue, struct engine_job *job)
{
    g_atomic_int_set(&job->abandoned, 1);
    if (queue->ops->stop)
        queue->ops->stop(job);
}

struct engine_job *job_queue_run(struct job_queue *queue, struct engine_job *take_job,
                                 const struct engine_call *call, struct dub_error *error)
{
    pthread_mutex_lock(&queue->lock);
    g_queue_push_tail(&queue->jobs, take_job);
    pthread_cond_broadcast(&queue->changed);
    while (!take_job->done && engine_call_go_on(call, queue->ops->stage, error))
        engine_wait_step(&queue->changed, &queue->lock, call);
    struct engine_job *done = take_job->done ? take_job : NULL;
    bool waiting = !done && g_queue_remove(&queue->jobs, take_job);
    if (!done && !waiting)
        abandon(queue, take_job);
    pthread_mutex_unlock(&queue->lock);
    if (waiting)
        queue->ops->free_job(take_job);
    return done;
}

void job_queue_wake(struct job_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
