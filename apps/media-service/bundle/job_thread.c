/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job_thread.h"

#include <dubbing_clock.h>
#include <pthread.h>
#include <time.h>

struct job_thread {
    unsigned capacity;
    void (*run)(void *job, void *user);
    void *user;
    GThread *thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    GQueue waiting;
    bool ending, ended;
};

/* NULL: the end. */
static void *next_job(struct job_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    while (thread->waiting.length == 0 && !thread->ending)
        pthread_cond_wait(&thread->changed, &thread->lock);
    void *job = g_queue_pop_head(&thread->waiting);
    pthread_mutex_unlock(&thread->lock);
    return job;
}

static void *serve(void *data)
{
    struct job_thread *thread = data;
    for (void *job; (job = next_job(thread)) != NULL;)
        thread->run(job, thread->user);
    pthread_mutex_lock(&thread->lock);
    thread->ended = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    return NULL;
}

struct job_thread *job_thread_new(const char *name, unsigned capacity, void (*run)(void *job, void *user),
                                  void *user)
{
    struct job_thread *thread = g_new0(struct job_thread, 1);
    pthread_condattr_t attributes;
    thread->capacity = capacity;
    thread->run = run;
    thread->user = user;
    g_queue_init(&thread->waiting);
    pthread_mutex_init(&thread->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    thread->thread = g_thread_new(name, serve, thread);
    return thread;
}

bool job_thread_post(struct job_thread *thread, void *job, bool must)
{
    pthread_mutex_lock(&thread->lock);
    bool taken = !thread->ending && (must || thread->waiting.length < thread->capacity);
    if (taken) {
        g_queue_push_tail(&thread->waiting, job);
        pthread_cond_broadcast(&thread->changed);
    }
    pthread_mutex_unlock(&thread->lock);
    return taken;
}

bool job_thread_has_more(struct job_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    bool has_more = thread->waiting.length > 0;
    pthread_mutex_unlock(&thread->lock);
    return has_more;
}

bool job_thread_is_idle(struct job_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    bool is_idle = thread->waiting.length == 0 && !thread->ending;
    pthread_mutex_unlock(&thread->lock);
    return is_idle;
}

void job_thread_end(struct job_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    thread->ending = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

static bool wait_for_end(struct job_thread *thread, int64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / DUB_NS_PER_S),
                             .tv_nsec = (long)(until_ns % DUB_NS_PER_S)};
    int result = 0;
    pthread_mutex_lock(&thread->lock);
    while (!thread->ended && result == 0)
        result = pthread_cond_timedwait(&thread->changed, &thread->lock, &until);
    bool ended = thread->ended;
    pthread_mutex_unlock(&thread->lock);
    return ended;
}

bool job_thread_join(struct job_thread *thread, int64_t until_ns)
{
    if (!wait_for_end(thread, until_ns))
        return false;
    g_thread_join(thread->thread);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    g_free(thread);
    return true;
}
