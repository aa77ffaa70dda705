/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pipeline with mock engines whose text and slowness are given. */
#include "pipeline.h"

#include "../lineage/lineage.h"
#include "../lineage/lineage_test_support.h"
#include "../tests/mock_pipeline.h"

#include <dubbing_clock.h>

#define DEADLINE_S 20

struct stand {
    struct sts_metrics metrics;
    struct engines engines;
    struct processor *pipeline;
    struct job_settings *settings;
    GCancellable *cancellable;
    GPtrArray *done; /* of struct job, in the order of coming back */
};

static void open_stand(struct stand *stand, unsigned capacity, const struct mock_script *script)
{
    *stand = (struct stand){0};
    sts_metrics_init(&stand->metrics);
    mock_engines_open(&stand->engines, script);
    stand->pipeline = pipeline_new(&(struct pipeline_config){
        .engines = &stand->engines,
        .queue_capacity = capacity,
        .metrics = &stand->metrics,
    });
    stand->settings = mock_settings_new();
    stand->cancellable = g_cancellable_new();
    stand->done = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
}

static void close_stand(struct stand *stand)
{
    g_cancellable_cancel(stand->cancellable);
    pipeline_free(stand->pipeline);
    engines_close(&stand->engines);
    job_settings_unref(stand->settings);
    g_object_unref(stand->cancellable);
    g_ptr_array_unref(stand->done);
    sts_metrics_clear(&stand->metrics);
}

static void on_done(struct job *job, void *user)
{
    struct stand *stand = user;
    g_ptr_array_add(stand->done, job);
}

static struct job *new_job(struct stand *stand, uint64_t owner, int duration_ms)
{
    struct job *job = mock_job_new(stand->settings, stand->cancellable, owner, duration_ms, 8000);
    job->done = on_done;
    job->user = stand;
    return job;
}

static bool submit(struct stand *stand, struct job *job)
{
    struct dub_error error;
    if (stand->pipeline->ops->submit(stand->pipeline, job, &error))
        return true;
    g_assert_cmpint(error.code, ==, DUB_ERROR_QUEUE_FULL);
    g_assert_true(error.retryable);
    job_free(job);
    return false;
}

static gboolean on_late(gpointer user)
{
    g_error("waited too long");
    return G_SOURCE_REMOVE;
}

static void wait_for(struct stand *stand, guint n_done)
{
    guint late = g_timeout_add_seconds(DEADLINE_S, on_late, NULL);
    while (stand->done->len < n_done)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

static void wait_until_idle(struct stand *stand)
{
    guint late = g_timeout_add_seconds(DEADLINE_S, on_late, NULL);
    while (stand->pipeline->ops->depth(stand->pipeline) > 0)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

/* One job through the whole pipeline; a warm-up may go through beside it. */
static const struct dub_fragment_processed *process(struct stand *stand, struct job *job)
{
    g_assert_true(submit(stand, job));
    wait_for(stand, stand->done->len + 1);
    const struct job *done = stand->done->pdata[stand->done->len - 1];
    wait_until_idle(stand);
    return &done->result;
}

static void expect_failure(const struct dub_fragment_processed *result, enum dub_error_code code,
                           enum dub_stage stage)
{
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_FAILED);
    g_assert_cmpstr(dub_error_code_name(result->error.code), ==, dub_error_code_name(code));
    g_assert_cmpstr(dub_stage_name(result->error.stage), ==, dub_stage_name(stage));
    g_assert_null(result->dubbed_audio.data);
}

static void test_whole_chain(void)
{
    struct stand stand;
    open_stand(&stand, 20, &(struct mock_script){.heard = "good evening", .translated = "Buenas tardes."});
    const struct dub_fragment_processed *result = process(&stand, new_job(&stand, 1, 1500));
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpstr(result->transcript, ==, "Good evening.");
    g_assert_cmpstr(result->translated_text, ==, "Buenas tardes.");
    g_assert_nonnull(result->dubbed_audio.data);
    close_stand(&stand);
}

static void test_late(void)
{
    struct stand stand;
    open_stand(&stand, 20, &(struct mock_script){0});
    struct job *job = new_job(&stand, 1, 500);
    job->deadline_ns = 1;
    expect_failure(process(&stand, job), DUB_ERROR_TIMEOUT, DUB_STAGE_ASR);
    close_stand(&stand);
}

static void test_full(void)
{
    struct stand stand;
    open_stand(&stand, 2, &(struct mock_script){.asr_delay_ns = 3600 * DUB_NS_PER_S});
    int taken = 0;
    while (submit(&stand, new_job(&stand, 1, 100)))
        taken++;
    /* Two wait; a third may already be in the engine's hands. */
    g_assert_cmpint(taken, >=, 2);
    g_assert_cmpint(taken, <=, 3);
    g_assert_true(submit(&stand, new_job(&stand, 2, 100)));
    g_assert_cmpuint(stand.pipeline->ops->depth(stand.pipeline), ==, (unsigned)taken + 1);
    close_stand(&stand);
}

static void test_cancel_frees_at_once(void)
{
    struct stand stand;
    open_stand(&stand, 20, &(struct mock_script){.asr_delay_ns = 3600 * DUB_NS_PER_S});
    for (int i = 0; i < 4; i++) {
        struct job *job = new_job(&stand, 1, 100);
        job->done = NULL;
        g_assert_true(submit(&stand, job));
    }
    g_cancellable_cancel(stand.cancellable);
    stand.pipeline->ops->cancel(stand.pipeline, 1);
    g_assert_cmpuint(stand.pipeline->ops->depth(stand.pipeline), <=, 1);
    wait_until_idle(&stand);
    g_assert_cmpuint(stand.done->len, ==, 0);
    close_stand(&stand);
    pipeline_free(NULL);
}

static void test_stop_with_work_in_every_stage(void)
{
    for (int round = 0; round < 20; round++) {
        struct stand stand;
        open_stand(&stand, 1, &(struct mock_script){.workers = 2});
        for (int i = 0; i < 8; i++)
            submit(&stand, new_job(&stand, (uint64_t)i + 1, 3000));
        if (round % 2)
            wait_for(&stand, 1);
        close_stand(&stand);
    }
}

static void test_warm_up_is_nobodys_fragment(void)
{
    struct stand stand;
    open_stand(&stand, 20, &(struct mock_script){0});
    stand.pipeline->ops->prepare(stand.pipeline, stand.settings);
    /* Nor does anybody stand behind it. */
    g_assert_cmpuint(stand.pipeline->ops->depth(stand.pipeline), ==, 0);
    process(&stand, new_job(&stand, 1, 3000));
    g_assert_cmpuint(stand.done->len, ==, 1);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.translation, NULL), ==, 1);
    stand.pipeline->ops->prepare(stand.pipeline, stand.settings);
    close_stand(&stand);
}

static void test_warm_ups_take_nobodys_place(void)
{
    struct stand stand;
    open_stand(&stand, 0, &(struct mock_script){0});
    for (int i = 0; i < 100; i++)
        stand.pipeline->ops->prepare(stand.pipeline, stand.settings);
    g_assert_cmpuint(stand.pipeline->ops->depth(stand.pipeline), ==, 0);
    g_assert_cmpint(process(&stand, new_job(&stand, 1, 3000))->status, !=, DUB_FRAGMENT_FAILED);
    close_stand(&stand);
}

/* "{n}" is what the mock recogniser has learnt of a session. */
static void expect_heard(struct stand *stand, struct job_settings *settings, uint64_t owner, const char *text)
{
    struct job *job = mock_job_new(settings, stand->cancellable, owner, 1500, 8000);
    job->done = on_done;
    job->user = stand;
    g_assert_cmpstr(process(stand, job)->transcript, ==, text);
}

static void test_what_is_learnt_is_the_sessions(void)
{
    struct stand stand;
    open_stand(&stand, 20, &(struct mock_script){.heard = "take {n}"});
    struct job_settings *session = mock_settings_new();
    job_settings_set_origin(session, "session-1", "worker-1");
    expect_heard(&stand, session, 1, "Take 1.");
    expect_heard(&stand, session, 1, "Take 2.");
    /* Single requests with the same stream_id. */
    expect_heard(&stand, stand.settings, JOB_FIRST_REQUEST + 1, "Take 1.");
    expect_heard(&stand, stand.settings, JOB_FIRST_REQUEST + 2, "Take 1.");
    expect_heard(&stand, session, 1, "Take 3.");
    stand.pipeline->ops->cancel(stand.pipeline, 1);
    expect_heard(&stand, session, 2, "Take 1.");
    job_settings_unref(session);
    close_stand(&stand);
}

static void test_silence_is_not_recognition_time(void)
{
    struct stand stand;
    open_stand(&stand, 20, &(struct mock_script){0});
    struct job *silence = mock_job_new(stand.settings, stand.cancellable, 1, 500, 0);
    silence->done = on_done;
    silence->user = &stand;
    g_assert_null(process(&stand, silence)->metadata.asr_model);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.asr, NULL), ==, 0);
    process(&stand, new_job(&stand, 1, 3000));
    g_assert_cmpfloat(dub_metric_get(stand.metrics.asr, NULL), ==, 1);
    close_stand(&stand);
}

/* Every fragment that came back, also a failed one; not the warm-up. */
static void test_lineage(void)
{
    static const char *const written = "written";
    struct stand stand;
    g_autofree char *root = g_dir_make_tmp("sts-pipeline-XXXXXX", NULL);
    open_stand(&stand, 20, &(struct mock_script){.heard = "good evening", .translated = "Buenas tardes."});
    pipeline_free(stand.pipeline);
    struct lineage *lineage = lineage_new(&(struct lineage_config){
        .store = {.folder = root, .max_bytes = INT64_MAX, .max_age_ms = INT64_MAX},
        .metrics = &stand.metrics,
    });
    stand.pipeline = pipeline_new(&(struct pipeline_config){
        .engines = &stand.engines,
        .queue_capacity = 20,
        .metrics = &stand.metrics,
        .lineage = lineage,
    });
    stand.pipeline->ops->prepare(stand.pipeline, stand.settings);
    process(&stand, new_job(&stand, 1, 1500));
    struct job *late = new_job(&stand, 1, 1500);
    late->deadline_ns = 1;
    process(&stand, late);
    g_clear_pointer(&stand.pipeline, pipeline_free);
    lineage_free(lineage);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.artifacts, &written), ==, 2);
    g_autofree char *list = lineage_test_list(root, "news");
    g_auto(GStrv) names = g_strsplit(list, " ", -1);
    g_assert_cmpuint(g_strv_length(names), ==, 5);
    lineage_test_remove(root);
    close_stand(&stand);
}

static void test_config(void)
{
    struct stand stand;
    struct dub_error error;
    struct dub_stream_config config = {.source_language = (char *)"en", .target_language = (char *)"es"};
    open_stand(&stand, 20, &(struct mock_script){0});
    g_assert_true(stand.pipeline->ops->check_config(stand.pipeline, &config, &error));
    config.format = DUB_FORMAT_M4A;
    g_assert_true(stand.pipeline->ops->check_config(stand.pipeline, &config, &error));
    char *keep[] = {(char *)"BBC", (char *)"...", NULL};
    config.glossary.keep = keep;
    g_assert_false(stand.pipeline->ops->check_config(stand.pipeline, &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/pipeline/whole-chain", test_whole_chain);
    g_test_add_func("/pipeline/late-job-comes-back-failed", test_late);
    g_test_add_func("/pipeline/full-queue-refuses-the-greedy", test_full);
    g_test_add_func("/pipeline/cancel-frees-at-once", test_cancel_frees_at_once);
    g_test_add_func("/pipeline/stop-with-work-in-every-stage", test_stop_with_work_in_every_stage);
    g_test_add_func("/pipeline/warm-up-is-nobodys-fragment", test_warm_up_is_nobodys_fragment);
    g_test_add_func("/pipeline/warm-ups-take-nobodys-place", test_warm_ups_take_nobodys_place);
    g_test_add_func("/pipeline/what-is-learnt-is-the-sessions", test_what_is_learnt_is_the_sessions);
    g_test_add_func("/pipeline/silence-is-not-recognition-time", test_silence_is_not_recognition_time);
    g_test_add_func("/pipeline/lineage-of-every-fragment", test_lineage);
    g_test_add_func("/pipeline/config-is-checked", test_config);
    return g_test_run();
}
