/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job_thread.h"

#include <dubbing_clock.h>
#include <pthread.h>

#define PATIENT_NS (60 * DUB_NS_PER_S)

/* A thread whose jobs wait until the test lets them go. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open, entered;
    GString *done;
};

static void run(void *job, void *user)
{
    struct gate *gate = user;
    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    g_string_append_printf(gate->done, "%d ", GPOINTER_TO_INT(job));
    pthread_mutex_unlock(&gate->lock);
}

static void init_gate(struct gate *gate, bool open)
{
    *gate = (struct gate){.open = open, .done = g_string_new(NULL)};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void wait_until_entered(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->entered)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void clear_gate(struct gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->lock);
    g_string_free(gate->done, TRUE);
}

static bool post(struct job_thread *thread, int job, bool must)
{
    return job_thread_post(thread, GINT_TO_POINTER(job), must);
}

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

static void test_in_order_and_to_the_end(void)
{
    struct gate gate;
    init_gate(&gate, true);
    struct job_thread *thread = job_thread_new("test", 10, run, &gate);
    for (int i = 1; i <= 5; i++)
        g_assert_true(post(thread, i, true));
    job_thread_end(thread);
    g_assert_false(post(thread, 6, true));
    g_assert_true(job_thread_join(thread, now_ns() + PATIENT_NS));
    g_assert_cmpstr(gate.done->str, ==, "1 2 3 4 5 ");
    clear_gate(&gate);
}

static void test_a_full_queue_refuses(void)
{
    struct gate gate;
    init_gate(&gate, false);
    struct job_thread *thread = job_thread_new("test", 2, run, &gate);
    g_assert_true(post(thread, 1, false));
    wait_until_entered(&gate);
    g_assert_true(post(thread, 2, false));
    g_assert_true(post(thread, 3, false));
    g_assert_false(post(thread, 4, false));
    g_assert_true(post(thread, 5, true));
    job_thread_end(thread);
    g_assert_false(job_thread_join(thread, now_ns()));
    open_gate(&gate);
    g_assert_true(job_thread_join(thread, now_ns() + PATIENT_NS));
    g_assert_cmpstr(gate.done->str, ==, "1 2 3 5 ");
    clear_gate(&gate);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/job-thread/in-order-and-to-the-end", test_in_order_and_to_the_end);
    g_test_add_func("/job-thread/a-full-queue-refuses", test_a_full_queue_refuses);
    return g_test_run();
}
