/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stage whose work stands still until the test says so. */
#include "stage.h"

#include "fair_queue.h"

#include <dubbing_clock.h>
#include <pthread.h>

#define DEADLINE_S 20
#define MANY 2000

struct stand {
    struct sts_metrics metrics;
    struct dub_fake_clock clock;
    struct stage *stage;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool open;
    unsigned working;
    unsigned n_done;
    unsigned n_started;
    uint64_t started[MANY]; /* owners, in the order of being begun */
    uint64_t owners[MANY];  /* in the order of being done */
};

static void handle(struct job *job, void *user)
{
    struct stand *stand = user;
    pthread_mutex_lock(&stand->lock);
    stand->working++;
    stand->started[stand->n_started++] = job->owner;
    pthread_cond_broadcast(&stand->changed);
    while (!stand->open)
        pthread_cond_wait(&stand->changed, &stand->lock);
    stand->working--;
    stand->owners[stand->n_done++] = job->owner;
    pthread_cond_broadcast(&stand->changed);
    pthread_mutex_unlock(&stand->lock);
    job_free(job);
}

static void open_stand(struct stand *stand, unsigned n_threads, bool open)
{
    *stand = (struct stand){.open = open};
    dub_fake_clock_init(&stand->clock, 1000);
    pthread_mutex_init(&stand->lock, NULL);
    pthread_cond_init(&stand->changed, NULL);
    sts_metrics_init(&stand->metrics);
    stand->stage = stage_new(&(struct stage_config){
        .name = "asr",
        .place = JOB_ASR,
        .n_threads = n_threads,
        .clock = &stand->clock.clock,
        .metrics = &stand->metrics,
        .handle = handle,
        .user = stand,
    });
}

static void close_stand(struct stand *stand)
{
    stage_free(stand->stage);
    sts_metrics_clear(&stand->metrics);
    pthread_cond_destroy(&stand->changed);
    pthread_mutex_destroy(&stand->lock);
}

static void let_go(struct stand *stand)
{
    pthread_mutex_lock(&stand->lock);
    stand->open = true;
    pthread_cond_broadcast(&stand->changed);
    pthread_mutex_unlock(&stand->lock);
}

/* Until *value has reached at_least. */
static void wait_for(struct stand *stand, const unsigned *value, unsigned at_least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&stand->lock);
    while (*value < at_least)
        g_assert_cmpint(pthread_cond_timedwait(&stand->changed, &stand->lock, &until), ==, 0);
    pthread_mutex_unlock(&stand->lock);
}

static struct job *new_job(uint64_t owner)
{
    struct job *job = g_new0(struct job, 1);
    job->owner = owner;
    job->deadline_ns = INT64_MAX;
    return job;
}

static bool push_by(struct stand *stand, uint64_t owner, int64_t deadline_ns)
{
    struct job *job = new_job(owner);
    job->deadline_ns = deadline_ns;
    if (stage_push(stand->stage, job))
        return true;
    job_free(job);
    return false;
}

static bool push(struct stand *stand, uint64_t owner)
{
    return push_by(stand, owner, INT64_MAX);
}

static void test_turns(void)
{
    struct stand stand;
    open_stand(&stand, 1, false);
    g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    for (int i = 0; i < 5; i++)
        g_assert_true(push(&stand, 1));
    g_assert_true(push(&stand, 2));
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 7);
    static const uint64_t expected[] = {1, 1, 2, 1, 1, 1, 1};
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpuint(stand.owners[i], ==, expected[i]);
    close_stand(&stand);
}

static void test_metrics(void)
{
    static const char *const stage = "asr";
    struct stand stand;
    open_stand(&stand, 1, false);
    g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(push(&stand, 1));
    g_assert_true(push(&stand, JOB_WARM_UP));
    g_assert_true(push(&stand, 2));
    g_assert_cmpfloat(dub_metric_get(stand.metrics.queue_depth, &stage), ==, 2);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 4);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.queue_depth, &stage), ==, 0);
    /* The warm-up was nobody's fragment. */
    g_assert_cmpfloat(dub_metric_get(stand.metrics.queue_wait, &stage), ==, 3);
    close_stand(&stand);
}

static void test_threads_work_side_by_side(void)
{
    struct stand stand;
    open_stand(&stand, 3, false);
    for (int i = 0; i < 3; i++)
        g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 3);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 3);
    close_stand(&stand);
}

static gpointer push_many(gpointer data)
{
    struct stand *stand = data;
    for (uint64_t i = 0; i < MANY / 4; i++)
        g_assert_true(push(stand, i % 5));
    return NULL;
}

static void test_many_pushers(void)
{
    struct stand stand;
    GThread *threads[4];
    open_stand(&stand, 3, true);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("pusher", push_many, &stand);
    wait_for(&stand, &stand.n_done, MANY);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    close_stand(&stand);
}

static void test_close(void)
{
    struct stand stand;
    open_stand(&stand, 1, false);
    g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(push(&stand, 1));
    stage_close(stand.stage);
    g_assert_false(push(&stand, 2));
    let_go(&stand);
    close_stand(&stand);
    g_assert_cmpuint(stand.n_done, ==, 1);
}

static void test_expire(void)
{
    struct stand stand;
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    open_stand(&stand, 1, false);
    g_assert_true(push_by(&stand, 1, 2000));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(push_by(&stand, 1, 3000));
    g_assert_true(push_by(&stand, 2, 2000));
    g_assert_true(push_by(&stand, 3, 1500));
    stage_expire(stand.stage, 2000, jobs);
    g_assert_cmpuint(jobs->len, ==, 2);
    g_assert_cmpint(((struct job *)jobs->pdata[0])->waited_ns[JOB_ASR], ==, 1000);
    /* What comes from the stage before with a deadline that has been answered for is not let in. */
    g_assert_false(push_by(&stand, 4, 2000));
    g_assert_true(push_by(&stand, 4, 2001));
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 3);
    close_stand(&stand);
}

/* Two threads, two live streams: the one that never ends its work does not get the second thread. */
static void test_threads_are_kept(void)
{
    struct stand stand;
    open_stand(&stand, 2, false);
    stage_join(stand.stage, 1);
    stage_join(stand.stage, 2);
    for (int i = 0; i < 3; i++)
        g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(push(&stand, 2));
    wait_for(&stand, &stand.working, 2);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 4);
    g_assert_cmpuint(stand.started[0], ==, 1);
    g_assert_cmpuint(stand.started[1], ==, 2);
    close_stand(&stand);
}

/* The second stream has not left, but has said nothing for long: the first gets its thread. */
static void test_quiet_stream_keeps_no_thread(void)
{
    struct stand stand;
    open_stand(&stand, 2, false);
    stage_join(stand.stage, 1);
    stage_join(stand.stage, 2);
    g_assert_true(push(&stand, 1));
    g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    dub_fake_clock_advance(&stand.clock, FAIR_QUEUE_PAUSE_NS);
    g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 2);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 3);
    close_stand(&stand);
}

static void test_leaving_frees_the_threads(void)
{
    struct stand stand;
    open_stand(&stand, 2, false);
    stage_join(stand.stage, 1);
    stage_join(stand.stage, 2);
    g_assert_true(push(&stand, 1));
    g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    stage_leave(stand.stage, 2);
    wait_for(&stand, &stand.working, 2);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 2);
    close_stand(&stand);
}

static void test_remove(void)
{
    struct stand stand;
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    open_stand(&stand, 1, false);
    g_assert_true(push(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(push(&stand, 1));
    g_assert_true(push(&stand, 2));
    g_assert_true(push(&stand, 1));
    stage_remove(stand.stage, 1, jobs);
    g_assert_cmpuint(jobs->len, ==, 2);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 2);
    g_assert_cmpuint(stand.owners[1], ==, 2);
    close_stand(&stand);
    stage_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stage/streams-take-turns", test_turns);
    g_test_add_func("/stage/depth-and-wait-are-counted", test_metrics);
    g_test_add_func("/stage/threads-work-side-by-side", test_threads_work_side_by_side);
    g_test_add_func("/stage/many-pushers", test_many_pushers);
    g_test_add_func("/stage/close-lets-nothing-in", test_close);
    g_test_add_func("/stage/expire-takes-what-is-due", test_expire);
    g_test_add_func("/stage/threads-are-kept-for-live-streams", test_threads_are_kept);
    g_test_add_func("/stage/quiet-stream-keeps-no-thread", test_quiet_stream_keeps_no_thread);
    g_test_add_func("/stage/leaving-frees-the-threads", test_leaving_frees_the_threads);
    g_test_add_func("/stage/remove-takes-one-owner", test_remove);
    return g_test_run();
}
