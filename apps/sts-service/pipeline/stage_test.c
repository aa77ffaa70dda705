/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stage whose work stands still until the test says so. */
#include "stage.h"

#include <dubbing_clock.h>
#include <pthread.h>

#define DEADLINE_S 20
#define MANY 2000

struct stand {
    struct sts_metrics metrics;
    struct stage *stage;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool open;
    unsigned working;
    unsigned n_done;
    uint64_t owners[MANY]; /* in the order of being done */
};

static void handle(struct job *job, void *user)
{
    struct stand *stand = user;
    pthread_mutex_lock(&stand->lock);
    stand->working++;
    pthread_cond_broadcast(&stand->changed);
    while (!stand->open)
        pthread_cond_wait(&stand->changed, &stand->lock);
    stand->working--;
    stand->owners[stand->n_done++] = job->owner;
    pthread_cond_broadcast(&stand->changed);
    pthread_mutex_unlock(&stand->lock);
    job_free(job);
}

static void open_stand(struct stand *stand, unsigned capacity, unsigned n_threads, bool open)
{
    *stand = (struct stand){.open = open};
    pthread_mutex_init(&stand->lock, NULL);
    pthread_cond_init(&stand->changed, NULL);
    sts_metrics_init(&stand->metrics);
    stand->stage = stage_new(&(struct stage_config){
        .name = "asr",
        .capacity = capacity,
        .n_threads = n_threads,
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
    return job;
}

static bool offer(struct stand *stand, uint64_t owner)
{
    struct job *job = new_job(owner);
    if (stage_offer(stand->stage, job))
        return true;
    job_free(job);
    return false;
}

static void test_turns(void)
{
    struct stand stand;
    open_stand(&stand, 20, 1, false);
    g_assert_true(offer(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    for (int i = 0; i < 5; i++)
        g_assert_true(offer(&stand, 1));
    g_assert_true(offer(&stand, 2));
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 7);
    static const uint64_t expected[] = {1, 1, 2, 1, 1, 1, 1};
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpuint(stand.owners[i], ==, expected[i]);
    close_stand(&stand);
}

static void test_bound(void)
{
    static const char *const stage = "asr";
    struct stand stand;
    open_stand(&stand, 2, 1, false);
    g_assert_true(offer(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(offer(&stand, 1));
    g_assert_true(offer(&stand, 1));
    g_assert_false(offer(&stand, 1));
    g_assert_true(offer(&stand, 2));
    g_assert_false(offer(&stand, 2));
    g_assert_cmpfloat(dub_metric_get(stand.metrics.queue_depth, &stage), ==, 3);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 4);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.queue_depth, &stage), ==, 0);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.queue_wait, &stage), ==, 4);
    close_stand(&stand);
}

static void test_threads_work_side_by_side(void)
{
    struct stand stand;
    open_stand(&stand, 20, 3, false);
    for (int i = 0; i < 3; i++)
        g_assert_true(offer(&stand, 1));
    wait_for(&stand, &stand.working, 3);
    let_go(&stand);
    wait_for(&stand, &stand.n_done, 3);
    close_stand(&stand);
}

static gpointer push_many(gpointer data)
{
    struct stand *stand = data;
    for (int i = 0; i < MANY / 4; i++)
        g_assert_true(stage_push(stand->stage, new_job(7)));
    return NULL;
}

static void test_push_waits_for_room(void)
{
    struct stand stand;
    GThread *threads[4];
    open_stand(&stand, 3, 2, true);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("pusher", push_many, &stand);
    wait_for(&stand, &stand.n_done, MANY);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    close_stand(&stand);
}

static gpointer push_one(gpointer data)
{
    struct stand *stand = data;
    struct job *job = new_job(1);
    bool pushed = stage_push(stand->stage, job);
    if (!pushed)
        job_free(job);
    return pushed ? stand : NULL;
}

static void test_close_wakes_pushers(void)
{
    struct stand stand;
    open_stand(&stand, 1, 1, false);
    g_assert_true(offer(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(offer(&stand, 1));
    GThread *thread = g_thread_new("pusher", push_one, &stand);
    stage_close(stand.stage);
    g_assert_null(g_thread_join(thread));
    g_assert_false(offer(&stand, 2));
    let_go(&stand);
    close_stand(&stand);
    g_assert_cmpuint(stand.n_done, ==, 1);
}

static void test_remove(void)
{
    struct stand stand;
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    open_stand(&stand, 20, 1, false);
    g_assert_true(offer(&stand, 1));
    wait_for(&stand, &stand.working, 1);
    g_assert_true(offer(&stand, 1));
    g_assert_true(offer(&stand, 2));
    g_assert_true(offer(&stand, 1));
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
    g_test_add_func("/stage/queue-is-bounded", test_bound);
    g_test_add_func("/stage/threads-work-side-by-side", test_threads_work_side_by_side);
    g_test_add_func("/stage/push-waits-for-room", test_push_waits_for_room);
    g_test_add_func("/stage/close-wakes-pushers", test_close_wakes_pushers);
    g_test_add_func("/stage/remove-takes-one-owner", test_remove);
    return g_test_run();
}
