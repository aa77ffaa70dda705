/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "converter.h"

#include <dubbing_mailbox.h>
#include <pthread.h>

#define MAX_THREADS 8

struct converter {
    void (*convert)(struct job *job);
    void (*done)(struct job *take_job, void *user);
    void *user;
    unsigned inside;      /* main loop's thread */
    pthread_mutex_t lock; /* guards waiting and closed */
    pthread_cond_t changed;
    GQueue waiting; /* of struct job */
    bool closed;
    struct dub_mailbox *back; /* jobs on their way to the main loop */
    GThread *threads[MAX_THREADS];
    unsigned n_threads;
};

static void on_back(void *message, void *user)
{
    struct converter *converter = user;
    converter->inside--;
    converter->done(message, converter->user);
}

/* NULL when the converter is closed. */
static struct job *wait_for_job(struct converter *converter)
{
    struct job *job = NULL;
    pthread_mutex_lock(&converter->lock);
    while (!converter->closed && !(job = g_queue_pop_head(&converter->waiting)))
        pthread_cond_wait(&converter->changed, &converter->lock);
    pthread_mutex_unlock(&converter->lock);
    return job;
}

static gpointer serve(gpointer data)
{
    struct converter *converter = data;
    struct job *job;
    while ((job = wait_for_job(converter))) {
        if (!g_cancellable_is_cancelled(job->cancellable))
            converter->convert(job);
        dub_mailbox_post_control(converter->back, job);
    }
    return NULL;
}

struct converter *converter_new(void (*convert)(struct job *job),
                                void (*done)(struct job *take_job, void *user), void *user)
{
    struct converter *converter = g_new0(struct converter, 1);
    converter->convert = convert;
    converter->done = done;
    converter->user = user;
    pthread_mutex_init(&converter->lock, NULL);
    pthread_cond_init(&converter->changed, NULL);
    g_queue_init(&converter->waiting);
    converter->back = dub_mailbox_new(NULL, 1, on_back, (GDestroyNotify)job_free, converter);
    converter->n_threads = MIN(g_get_num_processors(), MAX_THREADS);
    for (unsigned i = 0; i < converter->n_threads; i++)
        converter->threads[i] = g_thread_new("convert", serve, converter);
    return converter;
}

void converter_push(struct converter *converter, struct job *job)
{
    converter->inside++;
    pthread_mutex_lock(&converter->lock);
    g_queue_push_tail(&converter->waiting, job);
    pthread_cond_signal(&converter->changed);
    pthread_mutex_unlock(&converter->lock);
}

void converter_cancel(struct converter *converter, uint64_t owner)
{
    pthread_mutex_lock(&converter->lock);
    for (GList *link = converter->waiting.head; link;) {
        GList *next = link->next;
        struct job *job = link->data;
        if (job->owner == owner) {
            g_queue_delete_link(&converter->waiting, link);
            job_free(job);
            converter->inside--;
        }
        link = next;
    }
    pthread_mutex_unlock(&converter->lock);
}

unsigned converter_depth(const struct converter *converter)
{
    return converter->inside;
}

void converter_free(struct converter *converter)
{
    if (!converter)
        return;
    pthread_mutex_lock(&converter->lock);
    converter->closed = true;
    pthread_cond_broadcast(&converter->changed);
    pthread_mutex_unlock(&converter->lock);
    for (unsigned i = 0; i < converter->n_threads; i++)
        g_thread_join(converter->threads[i]);
    g_queue_clear_full(&converter->waiting, (GDestroyNotify)job_free);
    dub_mailbox_free(converter->back);
    pthread_cond_destroy(&converter->changed);
    pthread_mutex_destroy(&converter->lock);
    g_free(converter);
}
