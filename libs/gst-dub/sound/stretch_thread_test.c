/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stretch_thread.h"

#include "samples.h"
#include <math.h>
#include <pthread.h>

#define CLIP_SAMPLES 24000

struct rig {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;      /* whoever brings a clip is held up */
    unsigned n_begun; /* clips brought, the held up one included */
    GString *ids;     /* a letter per clip that got through */
    unsigned last_samples;
    pthread_t thread;
};

static void on_faster(uint64_t id, double speed, struct dub_clip *clip, void *user)
{
    struct rig *rig = user;
    pthread_mutex_lock(&rig->lock);
    rig->n_begun++;
    rig->thread = pthread_self();
    pthread_cond_broadcast(&rig->changed);
    while (rig->closed)
        pthread_cond_wait(&rig->changed, &rig->lock);
    g_string_append_c(rig->ids, (char)id);
    rig->last_samples = clip->n_samples;
    g_assert_cmpuint(clip->n_samples, ==, (unsigned)lrint(CLIP_SAMPLES / speed));
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static struct dub_stretch_thread *rig_init(struct rig *rig, bool closed)
{
    static const struct dub_stretch_thread_events events = {.on_faster = on_faster};
    *rig = (struct rig){.closed = closed, .ids = g_string_new(NULL)};
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    return dub_stretch_thread_new(&events, rig);
}

static void rig_clear(struct rig *rig)
{
    g_string_free(rig->ids, TRUE);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
}

static void wait_for(struct rig *rig, const unsigned *value, unsigned wanted)
{
    pthread_mutex_lock(&rig->lock);
    while (*value < wanted)
        pthread_cond_wait(&rig->changed, &rig->lock);
    pthread_mutex_unlock(&rig->lock);
}

static void open_up(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    rig->closed = false;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static struct dub_clip new_clip(unsigned n_samples)
{
    struct dub_clip clip = {.samples = g_new(float, n_samples), .n_samples = n_samples};
    for (unsigned i = 0; i < n_samples; i++)
        clip.samples[i] = 0.2f * (float)sin(2 * M_PI * 300 * i / DUB_RATE_HZ);
    return clip;
}

static bool submit(struct dub_stretch_thread *thread, char id, double speed)
{
    struct dub_clip clip = new_clip(CLIP_SAMPLES);
    bool taken = dub_stretch_thread_submit(thread, (uint64_t)id, speed, &clip);
    g_assert_true(taken == (clip.samples == NULL));
    g_free(clip.samples);
    return taken;
}

static void test_in_order_on_a_thread_of_its_own(void)
{
    struct rig rig;
    struct dub_stretch_thread *thread = rig_init(&rig, false);
    g_assert_true(submit(thread, 'a', 1.25));
    g_assert_true(submit(thread, 'b', 1.1));
    g_assert_true(submit(thread, 'c', 1.2));
    while (dub_stretch_thread_clips(thread) > 0)
        g_usleep(1000);
    dub_stretch_thread_free(thread);
    g_assert_cmpstr(rig.ids->str, ==, "abc");
    g_assert_cmpuint(rig.last_samples, ==, CLIP_SAMPLES / 1.2);
    g_assert_false(pthread_equal(rig.thread, pthread_self()));
    rig_clear(&rig);
}

/* With the thread held up, submitting goes on until the bound, and what is over it comes back. */
static void test_submitting_never_waits(void)
{
    struct rig rig;
    struct dub_stretch_thread *thread = rig_init(&rig, true);
    g_assert_true(submit(thread, 'a', 1.25));
    wait_for(&rig, &rig.n_begun, 1);
    for (int i = 0; i < DUB_STRETCH_THREAD_CLIPS; i++)
        g_assert_true(submit(thread, 'b', 1.25));
    g_assert_false(submit(thread, 'c', 1.25));
    g_assert_cmpuint(dub_stretch_thread_clips(thread), ==, 1 + DUB_STRETCH_THREAD_CLIPS);
    open_up(&rig);
    wait_for(&rig, &rig.n_begun, 2);
    g_assert_true(submit(thread, 'd', 1.25));
    dub_stretch_thread_free(thread);
    rig_clear(&rig);
}

/* A minute takes seconds of work; the test would need all of them. */
static void test_free_gives_up_what_is_being_made(void)
{
    struct rig rig;
    struct dub_stretch_thread *thread = rig_init(&rig, false);
    struct dub_clip clip = new_clip(60 * DUB_RATE_HZ);
    g_assert_true(dub_stretch_thread_submit(thread, 'a', 1.25, &clip));
    g_assert_true(submit(thread, 'b', 1.25));
    dub_stretch_thread_free(thread);
    g_assert_cmpstr(rig.ids->str, ==, "");
    dub_stretch_thread_free(NULL);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stretch-thread/in-order-on-a-thread-of-its-own", test_in_order_on_a_thread_of_its_own);
    g_test_add_func("/stretch-thread/submitting-never-waits", test_submitting_never_waits);
    g_test_add_func("/stretch-thread/free-gives-up-what-is-being-made",
                    test_free_gives_up_what_is_being_made);
    return g_test_run();
}
