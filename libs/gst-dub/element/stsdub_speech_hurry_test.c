/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clips that are made faster while the element goes on, with a stretch of the test's own (it is linked
 * instead of stretch.c) that takes as long as the test says. */
#include "dubbing_gst.h"
#include "fake_exchange.h"
#include "sound/samples.h"
#include "sound/stretch.h"
#include "stsdub_talk.h"

#include <math.h>
#include <pthread.h>

#define FIRST_NS (4 * DUB_NS_PER_S)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool busy;           /* lock: a stretch takes for ever */
static unsigned n_begun;    /* lock */
static unsigned n_ended;    /* lock */
static unsigned n_given_up; /* lock */

float *dub_stretch(const float *samples, unsigned n_samples, double speed, const gint *cancelled,
                   unsigned *n_result)
{
    *n_result = (unsigned)lrint(n_samples / speed);
    pthread_mutex_lock(&lock);
    n_begun++;
    pthread_cond_broadcast(&changed);
    while (busy && !g_atomic_int_get(cancelled)) {
        pthread_mutex_unlock(&lock);
        g_thread_yield();
        pthread_mutex_lock(&lock);
    }
    bool give_up = g_atomic_int_get(cancelled) != 0;
    n_ended++;
    n_given_up += give_up;
    pthread_mutex_unlock(&lock);
    return give_up ? NULL : g_memdup2(samples, *n_result * sizeof(float));
}

static void set_busy(bool now)
{
    pthread_mutex_lock(&lock);
    busy = now;
    n_begun = n_ended = n_given_up = 0;
    pthread_mutex_unlock(&lock);
}

static void wait_until_begun(void)
{
    pthread_mutex_lock(&lock);
    while (n_begun == 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* Two sentences, the dub of the first so long that it has to be hurried. The answer comes on this thread, in
 * the place of the exchange's: it must return while the clip is still being made. */
static struct rig *rig_with_long_dub(void)
{
    struct rig *rig = rig_new("max-lag", (guint64)GST_SECOND, NULL);
    struct dub_exchange_fragment fragment;
    rig_run(rig, 3500 * DUB_NS_PER_MS, talk);
    rig_feed(rig, 3500 * DUB_NS_PER_MS, talk);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, FIRST_NS, 24000);
    wait_until_begun();
    return rig;
}

static void answer_second(struct rig *rig)
{
    struct dub_exchange_fragment fragment;
    rig_run(rig, 7 * DUB_NS_PER_S, talk);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    fake_exchange_answer_tone(fragment.id, 600, 0.2, DUB_NS_PER_S, 24000);
    rig_run(rig, 9 * DUB_NS_PER_S, talk);
}

static void wait_until_stretched(struct rig *rig)
{
    int64_t end_us = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (stat_of(rig, "stretched-phrases") == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
        g_thread_yield();
    }
}

static void test_answers_are_taken_while_a_clip_is_made(void)
{
    set_busy(true);
    struct rig *rig = rig_with_long_dub();
    g_assert_cmpuint(n_ended, ==, 0);
    g_assert_cmpuint(stat_of(rig, "stretched-phrases"), ==, 0);
    set_busy(false);
    wait_until_stretched(rig);
    answer_second(rig);
    GstStructure *phrase = next_phrase(rig);
    gdouble speed = 0;
    g_assert_true(gst_structure_get_double(phrase, "speedRatio", &speed));
    g_assert_cmpfloat(speed, >, 1.1 * 1.05); /* the service said 1.1 itself */
    gst_structure_free(phrase);
    assert_phrase(rig, "dubbed", "");
    rig_free(rig);
}

/* The output goes on, and the clip is heard as it came: it costs the next one, but not itself. */
static void test_clip_that_is_not_ready_is_heard_as_it_is(void)
{
    set_busy(true);
    struct rig *rig = rig_with_long_dub();
    answer_second(rig);
    GstStructure *phrase = next_phrase(rig);
    gdouble speed = 0;
    g_assert_cmpstr(gst_structure_get_string(phrase, "state"), ==, "dubbed");
    g_assert_cmpint(number_in(phrase, "lagMs"), <, 50);
    g_assert_true(gst_structure_get_double(phrase, "speedRatio", &speed));
    g_assert_true(speed == 1.1);
    gst_structure_free(phrase);
    assert_phrase(rig, "dropped", "LAG_BOUND");
    /* What comes now is too late, and nothing comes of it. */
    set_busy(false);
    rig_run(rig, 10 * DUB_NS_PER_S, talk);
    g_assert_cmpuint(stat_of(rig, "stretched-phrases"), ==, 0);
    rig_free(rig);
}

static void test_stopping_does_not_wait_for_it(void)
{
    set_busy(true);
    struct rig *rig = rig_with_long_dub();
    rig_free(rig);
    g_assert_cmpuint(n_given_up, ==, 1);
    set_busy(false);
}

int main(int argc, char **argv)
{
    static const struct talk_test tests[] = {
        {"/stsdub-hurry/answers-are-taken-while-a-clip-is-made", test_answers_are_taken_while_a_clip_is_made},
        {"/stsdub-hurry/clip-that-is-not-ready-is-heard-as-it-is",
         test_clip_that_is_not_ready_is_heard_as_it_is},
        {"/stsdub-hurry/stopping-does-not-wait-for-it", test_stopping_does_not_wait_for_it},
    };
    return talk_test_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
