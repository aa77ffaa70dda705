/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "delay_line.h"

#include "../monotonic_cond.h"

struct delay_line {
    struct delay_line_events events;
    void *user;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct packet_queue queue;
    bool ended;   /* no more packets will come */
    bool stopped; /* the thread is to end now */
};

static struct packet *pop_due(struct delay_line *delay)
{
    return packet_queue_pop_due(&delay->queue, dub_clock_now_ns(dub_clock_monotonic()));
}

static struct packet *take_due(struct delay_line *delay)
{
    pthread_mutex_lock(&delay->lock);
    struct packet *packet = delay->stopped ? NULL : pop_due(delay);
    pthread_mutex_unlock(&delay->lock);
    return packet;
}

/* The next packet when its time has come; NULL when the thread has nothing more to do. */
static struct packet *wait_for_packet(struct delay_line *delay)
{
    struct packet *packet = NULL;

    pthread_mutex_lock(&delay->lock);
    while (!delay->stopped && (packet = pop_due(delay)) == NULL) {
        int64_t next_ns = packet_queue_wake_ns(&delay->queue);
        if (next_ns == INT64_MAX && delay->ended)
            break;
        monotonic_cond_wait_until(&delay->changed, &delay->lock, next_ns);
    }
    pthread_mutex_unlock(&delay->lock);
    return packet;
}

static void *run(void *data)
{
    struct delay_line *delay = data;
    struct packet *packet;

    while ((packet = wait_for_packet(delay)) != NULL) {
        for (; packet; packet = take_due(delay)) {
            delay->events.on_release(packet, delay->user);
            packet_free(packet);
        }
        delay->events.on_pause(delay->user);
    }
    pthread_mutex_lock(&delay->lock);
    bool drained = delay->ended && !delay->stopped;
    pthread_mutex_unlock(&delay->lock);
    if (drained)
        delay->events.on_drained(delay->user);
    return NULL;
}

struct delay_line *delay_line_new(const struct delay_line_events *events, int64_t max_bytes,
                                  int64_t max_ahead_ns, void *user)
{
    struct delay_line *delay = g_new0(struct delay_line, 1);

    delay->events = *events;
    delay->user = user;
    pthread_mutex_init(&delay->lock, NULL);
    monotonic_cond_init(&delay->changed);
    packet_queue_init(&delay->queue, max_bytes, max_ahead_ns);
    if (pthread_create(&delay->thread, NULL, run, delay) != 0)
        g_error("cannot start a thread: raise the limit of processes (ulimit -u)");
    pthread_setname_np(delay->thread, "delay-line");
    return delay;
}

bool delay_line_push(struct delay_line *delay, struct packet *take_packet, struct dub_error *error)
{
    pthread_mutex_lock(&delay->lock);
    int64_t before_ns = packet_queue_wake_ns(&delay->queue);
    bool pushed =
        packet_queue_push(&delay->queue, take_packet, dub_clock_now_ns(dub_clock_monotonic()), error);
    /* Only a packet that becomes the next one changes what the thread waits for. */
    if (pushed && packet_queue_wake_ns(&delay->queue) < before_ns)
        pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    if (!pushed)
        packet_free(take_packet);
    return pushed;
}

void delay_line_end(struct delay_line *delay)
{
    pthread_mutex_lock(&delay->lock);
    delay->ended = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
}

void delay_line_free(struct delay_line *delay)
{
    if (!delay)
        return;
    pthread_mutex_lock(&delay->lock);
    delay->stopped = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    pthread_join(delay->thread, NULL);
    packet_queue_clear(&delay->queue);
    pthread_cond_destroy(&delay->changed);
    pthread_mutex_destroy(&delay->lock);
    g_free(delay);
}
