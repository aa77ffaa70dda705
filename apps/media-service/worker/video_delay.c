/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "video_delay.h"

#include "monotonic_cond.h"

struct video_delay {
    struct video_delay_events events;
    void *user;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct access_queue queue;
    bool ended;   /* no more units will come */
    bool stopped; /* the thread is to end now */
};

/* The next unit when its time has come; NULL when the thread has nothing more to do. */
static struct access_unit *wait_for_unit(struct video_delay *delay)
{
    struct access_unit *unit = NULL;

    pthread_mutex_lock(&delay->lock);
    while (!delay->stopped) {
        unit = access_queue_pop_due(&delay->queue, dub_clock_now_ns(dub_clock_monotonic()));
        if (unit)
            break;
        int64_t next_ns = access_queue_next_due_ns(&delay->queue);
        if (next_ns == INT64_MAX && delay->ended)
            break;
        monotonic_cond_wait_until(&delay->changed, &delay->lock, next_ns);
    }
    pthread_mutex_unlock(&delay->lock);
    return unit;
}

static void *run(void *data)
{
    struct video_delay *delay = data;
    struct access_unit *unit;

    while ((unit = wait_for_unit(delay)) != NULL) {
        delay->events.on_release(unit, delay->user);
        access_unit_free(unit);
    }
    pthread_mutex_lock(&delay->lock);
    bool drained = delay->ended && !delay->stopped;
    pthread_mutex_unlock(&delay->lock);
    if (drained)
        delay->events.on_drained(delay->user);
    return NULL;
}

struct video_delay *video_delay_new(const struct video_delay_events *events, int64_t max_bytes,
                                    int64_t max_ahead_ns, void *user)
{
    struct video_delay *delay = g_new0(struct video_delay, 1);

    delay->events = *events;
    delay->user = user;
    pthread_mutex_init(&delay->lock, NULL);
    monotonic_cond_init(&delay->changed);
    access_queue_init(&delay->queue, max_bytes, max_ahead_ns);
    if (pthread_create(&delay->thread, NULL, run, delay) != 0)
        g_error("cannot start a thread: raise the limit of processes (ulimit -u)");
    pthread_setname_np(delay->thread, "video-delay");
    return delay;
}

bool video_delay_push(struct video_delay *delay, struct access_unit *take_unit, struct dub_error *error)
{
    pthread_mutex_lock(&delay->lock);
    bool pushed = access_queue_push(&delay->queue, take_unit, dub_clock_now_ns(dub_clock_monotonic()), error);
    /* Only a unit that becomes the next one changes what the thread waits for. */
    if (pushed && delay->queue.units.length == 1)
        pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    if (!pushed)
        access_unit_free(take_unit);
    return pushed;
}

void video_delay_end(struct video_delay *delay)
{
    pthread_mutex_lock(&delay->lock);
    delay->ended = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
}

void video_delay_free(struct video_delay *delay)
{
    if (!delay)
        return;
    pthread_mutex_lock(&delay->lock);
    delay->stopped = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    pthread_join(delay->thread, NULL);
    access_queue_clear(&delay->queue);
    pthread_cond_destroy(&delay->changed);
    pthread_mutex_destroy(&delay->lock);
    g_free(delay);
}
