/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread for each start: it costs a hundredth of what the start does, and there is none to be ended. Nobody
 * waits for its end: on a busy machine even that takes its time. */
#include "starts.h"

#include <glib.h>
#include <pthread.h>

struct start {
    void *job;
    void (*work)(void *job);
    void (*done)(void *job);
    bool worked;
};

static GQueue line = G_QUEUE_INIT; /* struct start *, those whose work has not begun */
static bool is_working;
/* What a thread has done is seen by the main loop after this. */
static pthread_mutex_t handover = PTHREAD_MUTEX_INITIALIZER;

static void begin_next(void);

static gboolean finish(void *user)
{
    struct start *start = user;
    pthread_mutex_lock(&handover);
    bool worked = start->worked;
    pthread_mutex_unlock(&handover);
    /* There was no room for a thread: here then, in its turn. */
    if (!worked)
        start->work(start->job);
    is_working = false;
    begin_next();
    start->done(start->job);
    g_free(start);
    return G_SOURCE_REMOVE;
}

static void *run(void *user)
{
    struct start *start = user;
    start->work(start->job);
    pthread_mutex_lock(&handover);
    start->worked = true;
    pthread_mutex_unlock(&handover);
    g_idle_add_full(G_PRIORITY_DEFAULT, finish, start, NULL);
    return NULL;
}

static bool begin_thread(struct start *start)
{
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bool begun = pthread_create(&thread, &detached, run, start) == 0;
    pthread_attr_destroy(&detached);
    return begun;
}

static void begin_next(void)
{
    if (is_working || g_queue_is_empty(&line))
        return;
    struct start *start = g_queue_pop_head(&line);
    is_working = true;
    if (!begin_thread(start))
        g_idle_add_full(G_PRIORITY_DEFAULT, finish, start, NULL);
}

void starts_add(void *job, void (*work)(void *job), void (*done)(void *job))
{
    struct start *start = g_new0(struct start, 1);
    *start = (struct start){.job = job, .work = work, .done = done};
    g_queue_push_tail(&line, start);
    begin_next();
}

bool starts_remove(void *job)
{
    for (GList *item = line.head; item != NULL; item = item->next) {
        struct start *start = item->data;
        if (start->job != job)
            continue;
        g_queue_delete_link(&line, item);
        g_free(start);
        return true;
    }
    return false;
}
