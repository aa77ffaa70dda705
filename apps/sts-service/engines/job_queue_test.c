/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads that do jobs: what callers get back, and whose a job is when they leave. */
#include "job_queue.h"

#include <pthread.h>

#define PATIENCE_NS (60 * DUB_NS_PER_S)
#define THREADS 4

/* What the threads and the tests tell each other. */
struct stand {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool broken;    /* no thread can begin */
    bool open;      /* jobs that wait may go on */
    bool ripe;      /* choose() gives jobs out */
    bool errand;    /* choose() has something else */
    int working;    /* jobs that a thread has begun */
    int stopped;    /* by the queue */
    int freed;      /* by free_job() */
    int errands;    /* done aside */
    unsigned begun; /* a bit per thread */
    unsigned ended;
    struct own {
        struct stand *stand;
        int index;
    } own[THREADS]; /* the queue's workers */
};

struct job {
    struct engine_job base;
    struct stand *stand;
    int number;
    bool fails;
    bool waits;   /* for the stand to be open */
    bool endless; /* until nobody waits for it */
    int answer;   /* twice the number */
};

static void stand_up(struct stand *stand)
{
    *stand = (struct stand){0};
    pthread_mutex_init(&stand->lock, NULL);
    pthread_cond_init(&stand->changed, NULL);
}

static void stand_down(struct stand *stand)
{
    pthread_cond_destroy(&stand->changed);
    pthread_mutex_destroy(&stand->lock);
}

static void set(struct stand *stand, bool *what)
{
    pthread_mutex_lock(&stand->lock);
    *what = true;
    pthread_cond_broadcast(&stand->changed);
    pthread_mutex_unlock(&stand->lock);
}

static void count(struct stand *stand, int *what)
{
    pthread_mutex_lock(&stand->lock);
    (*what)++;
    pthread_cond_broadcast(&stand->changed);
    pthread_mutex_unlock(&stand->lock);
}

static void wait_until(struct stand *stand, const int *what, int value)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_NS / DUB_NS_PER_S;
    pthread_mutex_lock(&stand->lock);
    while (*what < value)
        g_assert_cmpint(pthread_cond_timedwait(&stand->changed, &stand->lock, &until), ==, 0);
    pthread_mutex_unlock(&stand->lock);
}

static bool begin(void *worker, struct dub_error *error)
{
    const struct own *own = worker;
    struct stand *stand = own->stand;
    if (stand->broken)
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR, "no decoder");
    pthread_mutex_lock(&stand->lock);
    stand->begun |= 1u << own->index;
    pthread_mutex_unlock(&stand->lock);
    return true;
}

static void end(void *worker)
{
    const struct own *own = worker;
    pthread_mutex_lock(&own->stand->lock);
    own->stand->ended |= 1u << own->index;
    pthread_mutex_unlock(&own->stand->lock);
}

static bool run(void *data, struct engine_job *base)
{
    struct job *job = (struct job *)base;
    struct stand *stand = job->stand;
    count(stand, &stand->working);
    pthread_mutex_lock(&stand->lock);
    while (job->waits && !stand->open)
        pthread_cond_wait(&stand->changed, &stand->lock);
    pthread_mutex_unlock(&stand->lock);
    while (job->endless && !g_atomic_int_get(&base->abandoned))
        g_usleep(1000);
    job->answer = 2 * job->number;
    return !job->fails ||
           dub_error_set_stage(&base->error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR, "as it was told");
}

static void free_job(struct engine_job *base)
{
    struct job *job = (struct job *)base;
    struct stand *stand = job->stand;
    g_free(job);
    count(stand, &stand->freed);
}

static void stop(struct engine_job *base)
{
    struct stand *stand = ((struct job *)base)->stand;
    g_assert_false(base->done);
    count(stand, &stand->stopped);
}

static const struct job_queue_ops plain = {.thread_name = "test-queue",
                                           .stage = DUB_STAGE_ASR,
                                           .begin = begin,
                                           .end = end,
                                           .run = run,
                                           .free_job = free_job,
                                           .stop = stop};

static struct job_queue *start(struct stand *stand, const struct job_queue_ops *ops, int threads)
{
    void *workers[THREADS];
    for (int i = 0; i < threads; i++) {
        stand->own[i] = (struct own){.stand = stand, .index = i};
        workers[i] = &stand->own[i];
    }
    return job_queue_new(ops, workers, threads);
}

static struct job *job_new(struct stand *stand, int number)
{
    struct job *job = g_new0(struct job, 1);
    job->stand = stand;
    job->number = number;
    return job;
}

static struct engine_call patient(void)
{
    return (struct engine_call){.deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + PATIENCE_NS};
}

/* A caller on a thread of its own. */
struct caller {
    struct job_queue *queue;
    struct stand *stand;
    int first, count; /* numbers of its jobs */
    bool waits;
    GThread *thread;
};

static void *call_often(void *data)
{
    const struct caller *caller = data;
    for (int i = 0; i < caller->count; i++) {
        struct engine_call call = patient();
        struct job *job = job_new(caller->stand, caller->first + i);
        job->waits = caller->waits;
        struct engine_job *done = job_queue_run(caller->queue, &job->base, &call, NULL);
        g_assert_true(done == &job->base);
        g_assert_true(done->succeeded);
        g_assert_cmpint(job->answer, ==, 2 * (caller->first + i));
        g_free(job);
    }
    return NULL;
}

static void test_jobs_are_done(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &plain, THREADS);
    struct caller callers[2 * THREADS];
    for (int i = 0; i < 2 * THREADS; i++) {
        callers[i] = (struct caller){.queue = queue, .stand = &stand, .first = 1000 * i, .count = 50};
        callers[i].thread = g_thread_new("caller", call_often, &callers[i]);
    }
    for (int i = 0; i < 2 * THREADS; i++)
        g_thread_join(callers[i].thread);
    job_queue_free(queue);
    g_assert_cmpint(stand.working, ==, 2 * THREADS * 50);
    g_assert_cmpint(stand.freed, ==, 0);
    stand_down(&stand);
}

static void test_as_many_at_a_time_as_there_are_workers(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &plain, THREADS);
    struct caller callers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.queue = queue, .stand = &stand, .count = 1, .waits = true};
        callers[i].thread = g_thread_new("caller", call_often, &callers[i]);
    }
    wait_until(&stand, &stand.working, THREADS);
    set(&stand, &stand.open);
    for (int i = 0; i < THREADS; i++)
        g_thread_join(callers[i].thread);
    job_queue_free(queue);
    stand_down(&stand);
}

static void test_each_thread_begins_and_ends(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &plain, THREADS);
    g_assert_true(job_queue_wait_begun(queue, NULL));
    job_queue_free(queue);
    g_assert_cmphex(stand.begun, ==, (1u << THREADS) - 1);
    g_assert_cmphex(stand.ended, ==, (1u << THREADS) - 1);
    job_queue_free(NULL);
    stand_down(&stand);
}

static void test_one_that_cannot_begin(void)
{
    struct stand stand;
    struct dub_error error = {0};
    stand_up(&stand);
    stand.broken = true;
    struct job_queue *queue = start(&stand, &plain, THREADS);
    g_assert_false(job_queue_wait_begun(queue, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_cmpstr(error.message, ==, "no decoder");
    job_queue_free(queue);
    g_assert_cmphex(stand.ended, ==, 0);
    stand_down(&stand);
}

static void test_a_failure_has_its_error(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &plain, 1);
    struct engine_call call = patient();
    struct job *job = job_new(&stand, 1);
    job->fails = true;
    g_assert_nonnull(job_queue_run(queue, &job->base, &call, NULL));
    g_assert_false(job->base.succeeded);
    g_assert_cmpint(job->base.error.code, ==, DUB_ERROR_MODEL_ERROR);
    g_free(job);
    job_queue_free(queue);
    stand_down(&stand);
}

/* While the thread is still at it: it is told, and frees the job. */
static void test_a_caller_leaves_at_its_deadline(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &plain, 1);
    struct dub_error error = {0};
    struct engine_call call = {.deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + DUB_NS_PER_S};
    struct job *job = job_new(&stand, 1);
    job->endless = true;
    g_assert_null(job_queue_run(queue, &job->base, &call, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    wait_until(&stand, &stand.freed, 1);
    g_assert_cmpint(stand.stopped, ==, 1);
    /* And is there for the next one. */
    call = patient();
    job = job_new(&stand, 2);
    g_assert_nonnull(job_queue_run(queue, &job->base, &call, NULL));
    g_assert_cmpint(job->answer, ==, 4);
    g_free(job);
    job_queue_free(queue);
    stand_down(&stand);
}

static void test_a_job_that_nobody_has_begun_is_taken_back(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &plain, 1);
    struct caller caller = {.queue = queue, .stand = &stand, .first = 1, .count = 1, .waits = true};
    struct dub_error error = {0};
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    struct engine_call call = {.cancellable = cancellable};
    caller.thread = g_thread_new("caller", call_often, &caller);
    wait_until(&stand, &stand.working, 1);
    g_cancellable_cancel(cancellable);
    g_assert_null(job_queue_run(queue, &job_new(&stand, 2)->base, &call, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_cmpint(stand.freed, ==, 1);
    set(&stand, &stand.open);
    g_thread_join(caller.thread);
    job_queue_free(queue);
    g_assert_cmpint(stand.working, ==, 1);
    g_assert_cmpint(stand.stopped, ==, 0);
    stand_down(&stand);
}

/* The last job first, and none before the stand says so. */
static bool choose(void *data, const GQueue *jobs, struct engine_job **job)
{
    struct stand *stand = ((struct own *)data)->stand;
    pthread_mutex_lock(&stand->lock);
    *job = stand->ripe && jobs->tail ? jobs->tail->data : NULL;
    bool errand = !*job && stand->errand;
    if (errand)
        stand->errand = false;
    pthread_mutex_unlock(&stand->lock);
    return errand || *job;
}

static void run_errand(void *data)
{
    struct stand *stand = ((struct own *)data)->stand;
    count(stand, &stand->errands);
}

static const struct job_queue_ops choosy = {.thread_name = "test-queue",
                                            .stage = DUB_STAGE_ASR,
                                            .begin = begin,
                                            .end = end,
                                            .run = run,
                                            .free_job = free_job,
                                            .choose = choose,
                                            .aside = run_errand};

static void test_a_thread_chooses(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &choosy, 2);
    struct caller callers[2];
    for (int i = 0; i < 2; i++) {
        callers[i] = (struct caller){.queue = queue, .stand = &stand, .first = 10 * i, .count = 1};
        callers[i].thread = g_thread_new("caller", call_often, &callers[i]);
    }
    /* What else there is goes on beside jobs that are not ripe. */
    set(&stand, &stand.errand);
    job_queue_wake(queue);
    wait_until(&stand, &stand.errands, 1);
    g_assert_cmpint(stand.working, ==, 0);
    /* They become so without being told. */
    set(&stand, &stand.ripe);
    for (int i = 0; i < 2; i++)
        g_thread_join(callers[i].thread);
    job_queue_free(queue);
    g_assert_cmpint(stand.working, ==, 2);
    g_assert_cmpint(stand.errands, ==, 1);
    stand_down(&stand);
}

static void test_an_idle_thread_is_woken(void)
{
    struct stand stand;
    stand_up(&stand);
    struct job_queue *queue = start(&stand, &choosy, 1);
    for (int i = 1; i <= 3; i++) {
        set(&stand, &stand.errand);
        job_queue_wake(queue);
        wait_until(&stand, &stand.errands, i);
    }
    job_queue_free(queue);
    stand_down(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/job-queue/jobs-are-done", test_jobs_are_done);
    g_test_add_func("/job-queue/as-many-at-a-time-as-there-are-workers",
                    test_as_many_at_a_time_as_there_are_workers);
    g_test_add_func("/job-queue/each-thread-begins-and-ends", test_each_thread_begins_and_ends);
    g_test_add_func("/job-queue/one-that-cannot-begin", test_one_that_cannot_begin);
    g_test_add_func("/job-queue/a-failure-has-its-error", test_a_failure_has_its_error);
    g_test_add_func("/job-queue/a-caller-leaves-at-its-deadline", test_a_caller_leaves_at_its_deadline);
    g_test_add_func("/job-queue/a-job-that-nobody-has-begun-is-taken-back",
                    test_a_job_that_nobody_has_begun_is_taken_back);
    g_test_add_func("/job-queue/a-thread-chooses", test_a_thread_chooses);
    g_test_add_func("/job-queue/an-idle-thread-is-woken", test_an_idle_thread_is_woken);
    return g_test_run();
}
