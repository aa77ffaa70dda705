/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stretch_thread.h"

#include <pthread.h>

struct job {
    uint64_t id;
    double speed;
    struct dub_clip clip; /* owned */
};

struct dub_stretch_thread {
    struct dub_stretch_thread_events events;
    void *user;
    pthread_t thread;
    gint stopped; /* atomic, for the one who stretches; written with the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    GQueue waiting; /* lock: struct job */
    unsigned clips; /* lock: those, and the one being worked on */
};

static void free_job(gpointer data)
{
    struct job *job = data;
    g_free(job->clip.samples);
    g_free(job);
}

static void finish_job(struct dub_stretch_thread *thread, struct job *job)
{
    free_job(job);
    pthread_mutex_lock(&thread->lock);
    thread->clips--;
    pthread_mutex_unlock(&thread->lock);
}

/* NULL once the thread is to end. */
static struct job *wait_for_job(struct dub_stretch_thread *thread)
{
    struct job *job = NULL;
    pthread_mutex_lock(&thread->lock);
    while (!g_atomic_int_get(&thread->stopped) && (job = g_queue_pop_head(&thread->waiting)) == NULL)
        pthread_cond_wait(&thread->changed, &thread->lock);
    pthread_mutex_unlock(&thread->lock);
    return job;
}

static void *run(void *data)
{
    struct dub_stretch_thread *thread = data;
    struct job *job;
    while ((job = wait_for_job(thread)) != NULL) {
        if (dub_clip_speed_up(&job->clip, job->speed, &thread->stopped))
            thread->events.on_faster(job->id, job->speed, &job->clip, thread->user);
        finish_job(thread, job);
    }
    return NULL;
}

struct dub_stretch_thread *dub_stretch_thread_new(const struct dub_stretch_thread_events *events, void *user)
{
    struct dub_stretch_thread *thread = g_new0(struct dub_stretch_thread, 1);
    thread->events = *events;
    thread->user = user;
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->changed, NULL);
    g_queue_init(&thread->waiting);
    if (pthread_create(&thread->thread, NULL, run, thread) != 0)
        g_error("cannot start a thread: raise the limit of processes (ulimit -u)");
    pthread_setname_np(thread->thread, "stretch");
    return thread;
}

bool dub_stretch_thread_submit(struct dub_stretch_thread *thread, uint64_t id, double speed,
                               struct dub_clip *clip)
{
    pthread_mutex_lock(&thread->lock);
    bool accepted = g_queue_get_length(&thread->waiting) < DUB_STRETCH_THREAD_CLIPS;
    if (accepted) {
        struct job *job = g_new(struct job, 1);
        *job = (struct job){.id = id, .speed = speed, .clip = *clip};
        clip->samples = NULL;
        g_queue_push_tail(&thread->waiting, job);
        thread->clips++;
        pthread_cond_signal(&thread->changed);
    }
    pthread_mutex_unlock(&thread->lock);
    return accepted;
}

unsigned dub_stretch_thread_clips(struct dub_stretch_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    unsigned clips = thread->clips;
    pthread_mutex_unlock(&thread->lock);
    return clips;
}

void dub_stretch_thread_free(struct dub_stretch_thread *thread)
{
    if (thread == NULL)
        return;
    pthread_mutex_lock(&thread->lock);
    g_atomic_int_set(&thread->stopped, 1);
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->thread, NULL);
    g_queue_clear_full(&thread->waiting, free_job);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    g_free(thread);
}
