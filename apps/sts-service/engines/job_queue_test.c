/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job_queue.h"

#include <pthread.h>
#include <string.h>

#define WIDE_S 60

struct test_job {
    struct engine_job base;
    int number; /* negative: it fails */
    int answer;
};

/* What the threads have seen of the jobs. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held; /* jobs that run wait until it is false, or nobody waits for them */
    int running;
    int ran;
    int freed;
    int stopped;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_up(void)
{
    seen.held = false;
    seen.running = seen.ran = seen.freed = seen.stopped = 0;
}

static void note(int *count, int by)
{
    pthread_mutex_lock(&seen.lock);
    *count += by;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void wait_until(const int *count, int value)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WIDE_S;
    pthread_mutex_lock(&seen.lock);
    while (*count != value)
        g_assert_cmpint(pthread_cond_timedwait(&seen.changed, &seen.lock, &until), ==, 0);
    pthread_mutex_unlock(&seen.lock);
}

static bool is_held(const struct engine_job *job)
{
    pthread_mutex_lock(&seen.lock);
    bool held = seen.held && g_atomic_int_get(&job->abandoned) == 0;
    pthread_mutex_unlock(&seen.lock);
    return held;
}

static bool run(void *worker, struct engine_job *base)
{
    struct test_job *job = (struct test_job *)base;
    note(&seen.running, 1);
    while (is_held(base))
        g_usleep(1000);
    job->answer = job->number + *(const int *)worker;
    note(&seen.ran, 1);
    note(&seen.running, -1);
    if (job->number >= 0)
        return true;
    return dub_error_set_stage(&base->error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TTS, "told to");
}

static void free_job(struct engine_job *job)
{
    g_free(job);
    note(&seen.freed, 1);
}

static void stop(struct engine_job *job)
{
    g_assert_false(job->done);
    note(&seen.stopped, 1);
}

static const struct job_queue_ops ops = {"test", DUB_STAGE_TTS, run, free_job, stop};
static int hundred = 100;

static struct engine_job *job_new(int number)
{
    struct test_job *job = g_new0(struct test_job, 1);
    job->number = number;
    return &job->base;
}

static void test_a_job_comes_back(void)
{
    set_up();
    void *workers[] = {&hundred};
    struct job_queue *queue = job_queue_new(&ops, workers, 1);
    struct engine_call call = {0};
    struct engine_job *job = job_queue_run(queue, job_new(7), &call, NULL);
    g_assert_true(job->succeeded);
    g_assert_cmpint(((struct test_job *)job)->answer, ==, 107);
    free_job(job);
    job = job_queue_run(queue, job_new(-7), &call, NULL);
    g_assert_false(job->succeeded);
    g_assert_cmpstr(job->error.message, ==, "told to");
    free_job(job);
    job_queue_free(queue);
    g_assert_cmpint(seen.freed, ==, 2);
}

/* One that runs is its thread's to free; one that waits is taken back. */
static void test_a_deadline(void)
{
    set_up();
    void *workers[] = {&hundred};
    struct job_queue *queue = job_queue_new(&ops, workers, 1);
    struct engine_call call = {.deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + 50 * DUB_NS_PER_MS};
    struct dub_error error = {0};
    seen.held = true;
    g_assert_null(job_queue_run(queue, job_new(1), &call, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    job_queue_free(queue);
    g_assert_cmpint(seen.freed, ==, 1);
    g_assert_cmpint(seen.stopped, ==, 1);
}

struct caller {
    struct job_queue *queue;
    GCancellable *cancellable;
    GThread *thread;
    struct dub_error error;
};

static gpointer call_and_wait(gpointer user)
{
    struct caller *caller = user;
    struct engine_call call = {.cancellable = caller->cancellable};
    struct engine_job *job = job_queue_run(caller->queue, job_new(1), &call, &caller->error);
    if (job)
        free_job(job);
    return job ? NULL : caller;
}

static void test_cancelled_while_it_waits(void)
{
    set_up();
    void *workers[] = {&hundred};
    struct job_queue *queue = job_queue_new(&ops, workers, 1);
    struct caller first = {.queue = queue};
    struct caller second = {.queue = queue, .cancellable = g_cancellable_new()};
    seen.held = true;
    first.thread = g_thread_new("first", call_and_wait, &first);
    wait_until(&seen.running, 1);
    second.thread = g_thread_new("second", call_and_wait, &second);
    g_cancellable_cancel(second.cancellable);
    g_assert_nonnull(g_thread_join(second.thread));
    g_assert_cmpint(second.error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_cmpint(seen.freed, ==, 1);
    pthread_mutex_lock(&seen.lock);
    seen.held = false;
    pthread_mutex_unlock(&seen.lock);
    g_assert_null(g_thread_join(first.thread));
    job_queue_free(queue);
    g_assert_cmpint(seen.ran, ==, 1);
    g_assert_cmpint(seen.freed, ==, 2);
    g_assert_cmpint(seen.stopped, ==, 0);
    g_object_unref(second.cancellable);
}

static void test_as_many_at_a_time_as_there_are_workers(void)
{
    set_up();
    void *workers[] = {&hundred, &hundred, &hundred};
    struct job_queue *queue = job_queue_new(&ops, workers, 3);
    struct caller callers[3];
    seen.held = true;
    for (size_t i = 0; i < G_N_ELEMENTS(callers); i++) {
        callers[i] = (struct caller){.queue = queue};
        callers[i].thread = g_thread_new("caller", call_and_wait, &callers[i]);
    }
    wait_until(&seen.running, 3);
    pthread_mutex_lock(&seen.lock);
    seen.held = false;
    pthread_mutex_unlock(&seen.lock);
    for (size_t i = 0; i < G_N_ELEMENTS(callers); i++)
        g_assert_null(g_thread_join(callers[i].thread));
    job_queue_free(queue);
    g_assert_cmpint(seen.ran, ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/job-queue/a-job-comes-back", test_a_job_comes_back);
    g_test_add_func("/job-queue/a-deadline", test_a_deadline);
    g_test_add_func("/job-queue/cancelled-while-it-waits", test_cancelled_while_it_waits);
    g_test_add_func("/job-queue/as-many-at-a-time-as-there-are-workers",
                    test_as_many_at_a_time_as_there_are_workers);
    return g_test_run();
}
