/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams side by side in one pipeline: one that is slow, fails, floods or vanishes costs the others nothing.
 * The steps stand still, fail or go through as the test says; the clock moves when the test says. */
#include "../session/delivery.h"
#include "../tests/mock_pipeline.h"
#include "pipeline.h"

#include <pthread.h>

#define DEADLINE_S 20
#define MAX_OWNERS 16
#define SLOW 1
#define OTHER 2

struct stand {
    struct sts_metrics metrics;
    struct dub_fake_clock clock;
    struct engines engines;
    struct processor *pipeline;
    struct job_settings *settings;
    GPtrArray *done; /* of struct job, in the order of coming back */
    unsigned n_done[MAX_OWNERS];
};

/* What the steps are told, and what they say. Owners of single requests share the last place. */
static struct {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool held[JOB_N_STAGES][MAX_OWNERS];
    bool failing[MAX_OWNERS];
    bool random;
    unsigned working[JOB_N_STAGES][MAX_OWNERS];
    unsigned n_left[JOB_N_STAGES][MAX_OWNERS]; /* that have gone through */
    unsigned n_requests_before_other;          /* in the recogniser */
} script = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static unsigned place_of(const struct job *job)
{
    return (unsigned)MIN(job->owner, MAX_OWNERS - 1);
}

static enum step_outcome fail(enum job_stage stage, struct dub_error *error)
{
    dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR + stage, "as the test wants it");
    return STEP_FAILED;
}

static enum step_outcome run_step(enum job_stage stage, const struct job *job, struct dub_error *error)
{
    unsigned place = place_of(job);
    pthread_mutex_lock(&script.lock);
    script.working[stage][place]++;
    if (stage == JOB_ASR && place == OTHER)
        script.n_requests_before_other = script.n_left[JOB_ASR][MAX_OWNERS - 1];
    pthread_cond_broadcast(&script.changed);
    while (script.held[stage][place])
        pthread_cond_wait(&script.changed, &script.lock);
    script.working[stage][place]--;
    script.n_left[stage][place]++;
    bool failing = script.failing[place];
    bool random = script.random;
    pthread_cond_broadcast(&script.changed);
    pthread_mutex_unlock(&script.lock);
    if (failing || (random && g_random_int_range(0, 20) == 0))
        return fail(stage, error);
    if (random && g_random_int_range(0, 4) == 0)
        g_thread_yield();
    return stage == JOB_TTS ? STEP_DONE : STEP_NEXT;
}

static enum step_outcome asr(const struct engines *engines, struct job *job, struct dub_error *error)
{
    return run_step(JOB_ASR, job, error);
}

static enum step_outcome translate(const struct engines *engines, struct job *job, struct dub_error *error)
{
    return run_step(JOB_TRANSLATION, job, error);
}

static enum step_outcome speak(const struct engines *engines, struct job *job, struct dub_error *error)
{
    return run_step(JOB_TTS, job, error);
}

static const step steps[JOB_N_STAGES] = {asr, translate, speak};

static void hold(enum job_stage stage, unsigned owner, bool held)
{
    pthread_mutex_lock(&script.lock);
    script.held[stage][owner] = held;
    pthread_cond_broadcast(&script.changed);
    pthread_mutex_unlock(&script.lock);
}

static void wait_until_at_least(const unsigned *value, unsigned least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&script.lock);
    while (*value < least)
        g_assert_cmpint(pthread_cond_timedwait(&script.changed, &script.lock, &until), ==, 0);
    pthread_mutex_unlock(&script.lock);
}

static void open_stand(struct stand *stand, unsigned capacity, unsigned n_threads)
{
    *stand = (struct stand){0};
    memset(script.held, 0, sizeof(script.held));
    memset(script.failing, 0, sizeof(script.failing));
    memset(script.working, 0, sizeof(script.working));
    memset(script.n_left, 0, sizeof(script.n_left));
    script.random = false;
    sts_metrics_init(&stand->metrics);
    dub_fake_clock_init(&stand->clock, DUB_NS_PER_S);
    stand->engines = (struct engines){
        .asr_workers = n_threads, .translation_workers = n_threads, .tts_workers = n_threads};
    stand->pipeline = pipeline_new(&(struct pipeline_config){
        .engines = &stand->engines,
        .queue_capacity = capacity,
        .metrics = &stand->metrics,
        .clock = &stand->clock.clock,
        .steps = steps,
    });
    stand->settings = mock_settings_new();
    stand->done = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
}

static void close_stand(struct stand *stand)
{
    for (int stage = 0; stage < JOB_N_STAGES; stage++)
        for (unsigned owner = 0; owner < MAX_OWNERS; owner++)
            hold(stage, owner, false);
    pipeline_free(stand->pipeline);
    job_settings_unref(stand->settings);
    g_ptr_array_unref(stand->done);
    sts_metrics_clear(&stand->metrics);
}

static void on_done(struct job *job, void *user)
{
    struct stand *stand = user;
    stand->n_done[place_of(job)]++;
    g_ptr_array_add(stand->done, job);
}

static struct job *new_job(struct stand *stand, uint64_t owner)
{
    struct job *job = mock_job_new(stand->settings, NULL, owner, 10, 0);
    job->arrived_ns = dub_clock_now_ns(&stand->clock.clock);
    job->deadline_ns = job->arrived_ns + 8 * DUB_NS_PER_S;
    job->done = on_done;
    job->user = stand;
    return job;
}

static bool submit_job(struct stand *stand, struct job *job)
{
    struct dub_error error;
    if (stand->pipeline->ops->submit(stand->pipeline, job, &error))
        return true;
    g_assert_cmpint(error.code, ==, DUB_ERROR_QUEUE_FULL);
    g_assert_true(error.retryable);
    job_free(job);
    return false;
}

static bool submit(struct stand *stand, uint64_t owner)
{
    return submit_job(stand, new_job(stand, owner));
}

static unsigned depth(struct stand *stand)
{
    return stand->pipeline->ops->depth(stand->pipeline);
}

static gboolean on_late(gpointer what)
{
    g_error("waited too long until %s", (const char *)what);
    return G_SOURCE_REMOVE;
}

#define iterate_until(condition)                                                                             \
    do {                                                                                                     \
        guint late = g_timeout_add_seconds(DEADLINE_S, on_late, (gpointer) #condition);                      \
        while (!(condition))                                                                                 \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(late);                                                                               \
    } while (0)

/* A step's end and the next stage's queue are not one moment: what follows needs the latter. */
static void wait_for_queue(struct stand *stand, enum job_stage stage, unsigned n)
{
    static const char *const names[JOB_N_STAGES] = {"asr", "translation", "tts"};
    gint64 give_up_us = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;
    while (dub_metric_get(stand->metrics.queue_depth, &names[stage]) < n) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up_us);
        g_thread_yield();
    }
}

static void advance(struct stand *stand, int64_t by_ns)
{
    dub_fake_clock_advance(&stand->clock, by_ns);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static const struct dub_fragment_processed *last_result(const struct stand *stand)
{
    return &((const struct job *)stand->done->pdata[stand->done->len - 1])->result;
}

static void expect_timeout(const struct stand *stand, enum dub_stage stage)
{
    const struct dub_fragment_processed *result = last_result(stand);
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_FAILED);
    g_assert_cmpint(result->error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpstr(dub_stage_name(result->error.stage), ==, dub_stage_name(stage));
    g_assert_true(result->error.retryable);
}

/* In any stage: the slow stream's work stands still, the other's goes through. */
static void test_slow_stream(void)
{
    for (int stage = 0; stage < JOB_N_STAGES; stage++) {
        struct stand stand;
        open_stand(&stand, 20, 2);
        hold(stage, SLOW, true);
        /* Both live before the slow one begins to be slow. */
        g_assert_true(submit(&stand, OTHER));
        iterate_until(stand.n_done[OTHER] == 1);
        for (int i = 0; i < 10; i++)
            g_assert_true(submit(&stand, SLOW));
        wait_until_at_least(&script.working[stage][SLOW], 1);
        for (int i = 0; i < 5; i++)
            g_assert_true(submit(&stand, OTHER));
        iterate_until(stand.n_done[OTHER] == 6);
        g_assert_cmpuint(stand.n_done[SLOW], ==, 0);
        hold(stage, SLOW, false);
        iterate_until(stand.n_done[SLOW] == 10);
        close_stand(&stand);
    }
}

/* The only thread of the recogniser goes on although nothing of the slow stream gets translated. */
static void test_no_thread_waits_for_the_next_stage(void)
{
    struct stand stand;
    open_stand(&stand, 4, 1);
    hold(JOB_TRANSLATION, SLOW, true);
    for (int i = 0; i < 5; i++)
        g_assert_true(submit(&stand, SLOW));
    wait_until_at_least(&script.n_left[JOB_ASR][SLOW], 5);
    g_assert_false(submit(&stand, SLOW));
    g_assert_true(submit(&stand, OTHER));
    wait_until_at_least(&script.n_left[JOB_ASR][OTHER], 1);
    hold(JOB_TRANSLATION, SLOW, false);
    iterate_until(stand.done->len == 6);
    close_stand(&stand);
}

static void test_failing_stream(void)
{
    struct stand stand;
    open_stand(&stand, 20, 1);
    script.failing[SLOW] = true;
    for (int i = 0; i < 8; i++) {
        g_assert_true(submit(&stand, SLOW));
        g_assert_true(submit(&stand, OTHER));
    }
    iterate_until(stand.done->len == 16);
    for (guint i = 0; i < stand.done->len; i++) {
        const struct job *job = stand.done->pdata[i];
        g_assert_cmpint(job->result.error.code, ==,
                        job->owner == SLOW ? DUB_ERROR_MODEL_ERROR : DUB_ERROR_NONE);
    }
    close_stand(&stand);
}

static void test_flood(void)
{
    struct stand stand;
    unsigned n_flood = 0;
    open_stand(&stand, 20, 2);
    hold(JOB_ASR, SLOW, true);
    while (submit(&stand, SLOW))
        n_flood++;
    /* Twenty wait while two threads work. */
    g_assert_cmpuint(n_flood, ==, 22);
    /* Half of the room is the other's, whatever the flood holds. */
    hold(JOB_ASR, OTHER, true);
    for (int i = 0; i < 11; i++)
        g_assert_true(submit(&stand, OTHER));
    g_assert_false(submit(&stand, OTHER));
    g_assert_false(submit(&stand, SLOW));
    hold(JOB_ASR, SLOW, false);
    hold(JOB_ASR, OTHER, false);
    iterate_until(stand.done->len == n_flood + 11);
    g_assert_cmpuint(depth(&stand), ==, 0);
    close_stand(&stand);
}

/* However many requests come in, a stream waits for one of them and not for all. */
static void test_requests_are_one_stream(void)
{
    struct stand stand;
    open_stand(&stand, 40, 1);
    hold(JOB_ASR, MAX_OWNERS - 1, true);
    for (uint64_t i = 0; i < 20; i++)
        g_assert_true(submit(&stand, JOB_FIRST_REQUEST + i));
    wait_until_at_least(&script.working[JOB_ASR][MAX_OWNERS - 1], 1);
    g_assert_true(submit(&stand, OTHER));
    hold(JOB_ASR, MAX_OWNERS - 1, false);
    iterate_until(stand.done->len == 21);
    g_assert_cmpuint(script.n_requests_before_other, <=, 2);
    close_stand(&stand);
}

/* Answered when it is due, although the thread it waits for is still busy. */
static void test_deadline_while_waiting(void)
{
    static const enum dub_stage stages[JOB_N_STAGES] = {DUB_STAGE_ASR, DUB_STAGE_TRANSLATION, DUB_STAGE_TTS};
    for (int stage = 0; stage < JOB_N_STAGES; stage++) {
        struct stand stand;
        open_stand(&stand, 20, 1);
        hold(stage, SLOW, true);
        g_assert_true(submit(&stand, SLOW));
        wait_until_at_least(&script.working[stage][SLOW], 1);
        dub_fake_clock_advance(&stand.clock, DUB_NS_PER_S);
        g_assert_true(submit(&stand, OTHER));
        wait_for_queue(&stand, stage, 1);
        advance(&stand, 8 * DUB_NS_PER_S - 1);
        g_assert_cmpuint(stand.n_done[OTHER], ==, 0);
        dub_fake_clock_advance(&stand.clock, 1);
        iterate_until(stand.n_done[OTHER] == 1);
        expect_timeout(&stand, stages[stage]);
        g_assert_cmpuint(script.n_left[stage][OTHER], ==, 0);
        close_stand(&stand);
    }
}

/* What a step does with a job after its deadline is of no use, even if it succeeds. */
static void test_deadline_while_working(void)
{
    static const enum dub_stage stages[JOB_N_STAGES] = {DUB_STAGE_ASR, DUB_STAGE_TRANSLATION, DUB_STAGE_TTS};
    for (int stage = 0; stage < JOB_N_STAGES; stage++) {
        struct stand stand;
        open_stand(&stand, 20, 1);
        hold(stage, SLOW, true);
        g_assert_true(submit(&stand, SLOW));
        wait_until_at_least(&script.working[stage][SLOW], 1);
        advance(&stand, 9 * DUB_NS_PER_S);
        g_assert_cmpuint(stand.n_done[SLOW], ==, 0);
        hold(stage, SLOW, false);
        iterate_until(stand.n_done[SLOW] == 1);
        expect_timeout(&stand, stages[stage]);
        close_stand(&stand);
    }
}

/* The client is gone: what waits in any stage is freed now, the threads' work comes back to nobody. */
static void test_vanished_client(void)
{
    struct stand stand;
    open_stand(&stand, 20, 1);
    for (int stage = 0; stage < JOB_N_STAGES; stage++)
        hold(stage, SLOW, true);
    for (int stage = JOB_N_STAGES - 1; stage >= 0; stage--) {
        /* One that stands in the stage and two that wait for it. */
        for (int i = 0; i < 3; i++) {
            struct job *job = new_job(&stand, SLOW);
            job->done = NULL;
            g_assert_true(submit_job(&stand, job));
        }
        wait_until_at_least(&script.working[JOB_ASR][SLOW], 1);
        for (int before = 0; before < stage; before++)
            hold(before, SLOW, false);
        wait_until_at_least(&script.working[stage][SLOW], 1);
        wait_for_queue(&stand, stage, 2);
        for (int before = 0; before < stage; before++)
            hold(before, SLOW, true);
    }
    g_assert_cmpuint(depth(&stand), ==, 9);
    stand.pipeline->ops->cancel(stand.pipeline, SLOW);
    g_assert_cmpuint(depth(&stand), ==, 3);
    for (int stage = 0; stage < JOB_N_STAGES; stage++)
        hold(stage, SLOW, false);
    iterate_until(depth(&stand) == 0);
    g_assert_cmpuint(stand.done->len, ==, 0);
    close_stand(&stand);
}

/* What a thread was working on when the client vanished goes no further. */
static void test_vanished_while_working(void)
{
    struct stand stand;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    open_stand(&stand, 20, 1);
    hold(JOB_ASR, SLOW, true);
    struct job *job = new_job(&stand, SLOW);
    job->cancellable = g_object_ref(cancellable);
    job->done = NULL;
    g_assert_true(submit_job(&stand, job));
    wait_until_at_least(&script.working[JOB_ASR][SLOW], 1);
    g_cancellable_cancel(cancellable);
    stand.pipeline->ops->cancel(stand.pipeline, SLOW);
    hold(JOB_ASR, SLOW, false);
    iterate_until(depth(&stand) == 0);
    g_assert_cmpuint(script.n_left[JOB_TRANSLATION][SLOW], ==, 0);
    close_stand(&stand);
}

/* ---- everything at once ---- */

#define N_RANDOM_OWNERS 8
#define N_RANDOM_JOBS 4000

struct random_stream {
    struct stand *stand;
    struct delivery delivery; /* of struct job */
    GPtrArray *under_way;
    int64_t next_sequence, next_delivered;
    uint64_t owner;
};

static void on_random_done(struct job *job, void *user)
{
    struct random_stream *stream = user;
    g_assert_true(g_ptr_array_remove(stream->under_way, job));
    g_assert_true(delivery_finish(&stream->delivery, job));
    struct job *due;
    while ((due = delivery_take(&stream->delivery))) {
        g_assert_cmpint(due->result.sequence_number, ==, stream->next_delivered++);
        job_free(due);
    }
}

static void random_submit(struct random_stream *stream)
{
    struct job *job = new_job(stream->stand, stream->owner);
    job->done = on_random_done;
    job->user = stream;
    job->result.sequence_number = stream->next_sequence;
    if (delivery_count(&stream->delivery) >= 11) {
        job_free(job);
        return;
    }
    if (!submit_job(stream->stand, job))
        return;
    stream->next_sequence++;
    delivery_announce(&stream->delivery, job);
    g_ptr_array_add(stream->under_way, job);
}

/* As a session does it when its client vanishes. */
static void random_vanish(struct random_stream *stream)
{
    for (unsigned i = 0; i < delivery_count(&stream->delivery); i++) {
        struct job *job = delivery_at(&stream->delivery, i);
        if (delivery_is_finished_at(&stream->delivery, i))
            job_free(job);
        else
            job->done = NULL;
    }
    stream->stand->pipeline->ops->cancel(stream->stand->pipeline, stream->owner);
    g_ptr_array_set_size(stream->under_way, 0);
    stream->delivery = (struct delivery){0};
    stream->next_sequence = stream->next_delivered = 0;
}

/* Streams that come, send, fail, are late and vanish: each answer comes once and in its stream's order, and
 * in the end nothing is left inside. */
static void test_random(void)
{
    struct stand stand;
    struct random_stream streams[N_RANDOM_OWNERS];
    open_stand(&stand, 20, 3);
    script.random = true;
    for (unsigned i = 0; i < N_RANDOM_OWNERS; i++)
        streams[i] = (struct random_stream){.stand = &stand, .owner = i + 1, .under_way = g_ptr_array_new()};
    for (int i = 0; i < N_RANDOM_JOBS; i++) {
        struct random_stream *stream = &streams[g_test_rand_int_range(0, N_RANDOM_OWNERS)];
        random_submit(stream);
        if (g_test_rand_int_range(0, 100) == 0)
            random_vanish(stream);
        if (g_test_rand_int_range(0, 50) == 0)
            dub_fake_clock_advance(&stand.clock, 4 * DUB_NS_PER_S);
        g_main_context_iteration(NULL, FALSE);
    }
    iterate_until(depth(&stand) == 0);
    for (unsigned i = 0; i < N_RANDOM_OWNERS; i++) {
        g_assert_cmpuint(streams[i].under_way->len, ==, 0);
        g_assert_cmpint(streams[i].next_delivered, ==, streams[i].next_sequence);
        g_ptr_array_unref(streams[i].under_way);
    }
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/isolation/slow-stream-delays-nobody", test_slow_stream);
    g_test_add_func("/isolation/no-thread-waits-for-the-next-stage", test_no_thread_waits_for_the_next_stage);
    g_test_add_func("/isolation/failing-stream-fails-alone", test_failing_stream);
    g_test_add_func("/isolation/flood-keeps-out-only-itself", test_flood);
    g_test_add_func("/isolation/requests-are-one-stream", test_requests_are_one_stream);
    g_test_add_func("/isolation/deadline-while-waiting", test_deadline_while_waiting);
    g_test_add_func("/isolation/deadline-while-working", test_deadline_while_working);
    g_test_add_func("/isolation/vanished-client-frees-at-once", test_vanished_client);
    g_test_add_func("/isolation/vanished-while-working", test_vanished_while_working);
    g_test_add_func("/isolation/random-streams-stay-in-order", test_random);
    return g_test_run();
}
