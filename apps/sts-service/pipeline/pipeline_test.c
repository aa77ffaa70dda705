/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pipeline with mock engines whose text and slowness are given. */
#include "pipeline.h"

#include <dubbing_clock.h>
#include <math.h>
#include <string.h>

#define DEADLINE_S 20
#define RATE_HZ 24000

struct stand {
    struct sts_metrics metrics;
    struct engines engines;
    struct processor *pipeline;
    struct job_settings *settings;
    GCancellable *cancellable;
    GPtrArray *done; /* of struct job, in the order of coming back */
};

/* What the engines are told; a zeroed one is the mocks' defaults. */
struct script {
    const char *heard, *translated;
    int64_t asr_delay_ns;
    unsigned capacity; /* 0: 20 */
    unsigned workers;  /* 0: 1 */
};

static void open_engines(struct engines *engines, const struct script *script)
{
    struct engine_config config = {.mock_text = script->heard, .mock_delay_ns = script->asr_delay_ns};
    struct dub_error error;
    *engines = (struct engines){0};
    engines->asr = asr_open("mock", &config, &error);
    config = (struct engine_config){.mock_text = script->translated};
    engines->translation = translation_open("mock", &config, &error);
    config = (struct engine_config){0};
    engines->tts = tts_open("mock", &config, &error);
    asr_describe(engines->asr, &engines->asr_info);
    translation_describe(engines->translation, &engines->translation_info);
    tts_describe(engines->tts, &engines->tts_info);
    engines->asr_workers = engines->translation_workers = engines->tts_workers = MAX(script->workers, 1);
}

static void open_stand(struct stand *stand, const struct script *script)
{
    struct dub_stream_config config = {
        .source_language = (char *)"en",
        .target_language = (char *)"es",
        .voice_profile = (char *)"default",
        .sample_rate_hz = RATE_HZ,
        .channels = 1,
    };
    *stand = (struct stand){0};
    sts_metrics_init(&stand->metrics);
    open_engines(&stand->engines, script);
    stand->pipeline =
        pipeline_new(&stand->engines, script->capacity ? script->capacity : 20, &stand->metrics);
    stand->settings = job_settings_new("news", &config);
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

static GBytes *tone(int duration_ms, double level)
{
    int n = duration_ms * RATE_HZ / 1000;
    int16_t *samples = g_new(int16_t, n);
    for (int i = 0; i < n; i++)
        samples[i] = (int16_t)(level * sin(i / 9.0));
    return g_bytes_new_take(samples, (gsize)n * sizeof(*samples));
}

static struct job *new_job(struct stand *stand, uint64_t owner, int duration_ms, double level)
{
    struct dub_fragment_data fragment;
    dub_fragment_data_init(&fragment);
    fragment.fragment_id = g_strdup("id");
    fragment.stream_id = g_strdup("news");
    fragment.audio = (struct dub_audio){.sample_rate_hz = RATE_HZ, .channels = 1, .duration_ms = duration_ms};
    fragment.audio.data = tone(duration_ms, level);
    struct job *job = job_new(owner, stand->settings, &fragment, stand->cancellable);
    job->deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + DEADLINE_S * DUB_NS_PER_S;
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

/* One job through the whole pipeline. */
static const struct dub_fragment_processed *process(struct stand *stand, struct job *job)
{
    g_assert_true(submit(stand, job));
    wait_for(stand, stand->done->len + 1);
    const struct job *done = stand->done->pdata[stand->done->len - 1];
    g_assert_cmpuint(stand->pipeline->ops->depth(stand->pipeline), ==, 0);
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
    open_stand(&stand, &(struct script){.heard = "good evening", .translated = "Buenas tardes."});
    const struct dub_fragment_processed *result = process(&stand, new_job(&stand, 1, 1500, 8000));
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpstr(result->transcript, ==, "Good evening.");
    g_assert_cmpstr(result->translated_text, ==, "Buenas tardes.");
    g_assert_cmpint(result->dubbed_audio.sample_rate_hz, ==, RATE_HZ);
    g_assert_cmpint((int)dub_audio_measured_ms(&result->dubbed_audio), ==,
                    (int)result->dubbed_audio.duration_ms);
    g_assert_cmpint((int)result->dubbed_audio.duration_ms, >, 500);
    g_assert_cmpint((int)result->dubbed_audio.duration_ms, <, 1650);
    g_assert_cmpstr(result->metadata.asr_model, ==, "mock");
    g_assert_cmpfloat(result->metadata.speed_ratio, >, 0);
    close_stand(&stand);
}

static void test_silence(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){0});
    const struct dub_fragment_processed *result = process(&stand, new_job(&stand, 1, 800, 10));
    g_assert_cmpint(result->status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpstr(result->transcript, ==, "");
    g_assert_cmpint((int)result->dubbed_audio.duration_ms, ==, 800);
    gsize size;
    const int16_t *samples = g_bytes_get_data(result->dubbed_audio.data, &size);
    for (gsize i = 0; i < size / sizeof(*samples); i++)
        g_assert_cmpint(samples[i], ==, 0);
    close_stand(&stand);
}

static void test_nothing_recognised(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){.heard = "<sil> ++NOISE++"});
    const struct dub_fragment_processed *result = process(&stand, new_job(&stand, 1, 800, 8000));
    if (result->status == DUB_FRAGMENT_FAILED)
        expect_failure(result, DUB_ERROR_HALLUCINATION_SUSPECTED, DUB_STAGE_ASR);
    else
        g_assert_cmpstr(result->transcript, ==, "");
    close_stand(&stand);
}

static void test_inventions_are_not_spoken(void)
{
    static const struct {
        const char *heard, *translated;
        enum dub_stage stage;
    } cases[] = {
        {"thank you thank you thank you thank you thank you thank you thank you thank you", "Gracias.",
         DUB_STAGE_ASR},
        {"...", "Hola.", DUB_STAGE_ASR},
        {"good evening",
         "Buenas tardes y bienvenidos a nuestro programa de noticias, en el que les contamos todo lo que ha "
         "pasado "
         "hoy en el mundo entero, con todos los detalles, y mucho más que nadie ha dicho.",
         DUB_STAGE_TRANSLATION},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stand stand;
        open_stand(&stand, &(struct script){.heard = cases[i].heard, .translated = cases[i].translated});
        expect_failure(process(&stand, new_job(&stand, 1, 5000, 8000)), DUB_ERROR_HALLUCINATION_SUSPECTED,
                       cases[i].stage);
        close_stand(&stand);
    }
}

static void test_fit(void)
{
    static const struct {
        int duration_ms;
        int64_t max_duration_ms;
        enum dub_fragment_status status;
    } cases[] = {
        /* The mock speaks 26 characters in 1690 ms. */
        {1700, 0, DUB_FRAGMENT_SUCCESS}, {1200, 0, DUB_FRAGMENT_SUCCESS},   {980, 0, DUB_FRAGMENT_PARTIAL},
        {700, 0, DUB_FRAGMENT_FAILED},   {700, 1700, DUB_FRAGMENT_SUCCESS},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stand stand;
        open_stand(&stand, &(struct script){.heard = "twenty six characters",
                                            .translated = "Veintiseis caracteres aqui"});
        struct job *job = new_job(&stand, 1, cases[i].duration_ms, 8000);
        job->fragment.metadata.max_duration_ms = cases[i].max_duration_ms;
        const struct dub_fragment_processed *result = process(&stand, job);
        g_test_message("%d ms: %s %s", cases[i].duration_ms, dub_fragment_status_name(result->status),
                       result->error.message);
        g_assert_cmpint(result->status, ==, cases[i].status);
        if (result->status != DUB_FRAGMENT_SUCCESS)
            g_assert_cmpint(result->error.code, ==, DUB_ERROR_DURATION_MISMATCH_EXCEEDED);
        close_stand(&stand);
    }
}

static void test_undecodable(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){0});
    struct job *job = new_job(&stand, 1, 500, 8000);
    job->fragment.audio.format = DUB_FORMAT_M4A;
    expect_failure(process(&stand, job), DUB_ERROR_INVALID_AUDIO_FORMAT, DUB_STAGE_INPUT);
    close_stand(&stand);
}

static void test_too_late_to_start(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){0});
    struct job *job = new_job(&stand, 1, 500, 8000);
    job->deadline_ns = 1;
    const struct dub_fragment_processed *result = process(&stand, job);
    expect_failure(result, DUB_ERROR_TIMEOUT, DUB_STAGE_ASR);
    g_assert_true(result->error.retryable);
    close_stand(&stand);
}

static void test_too_slow_engine(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){.asr_delay_ns = 3600 * DUB_NS_PER_S});
    struct job *job = new_job(&stand, 1, 500, 8000);
    job->deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + 30 * DUB_NS_PER_MS;
    expect_failure(process(&stand, job), DUB_ERROR_TIMEOUT, DUB_STAGE_ASR);
    close_stand(&stand);
}

static void test_full(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){.asr_delay_ns = 3600 * DUB_NS_PER_S, .capacity = 2});
    int taken = 0;
    while (submit(&stand, new_job(&stand, 1, 100, 8000)))
        taken++;
    /* Two wait; a third may already be in the engine's hands. */
    g_assert_cmpint(taken, >=, 2);
    g_assert_cmpint(taken, <=, 3);
    g_assert_true(submit(&stand, new_job(&stand, 2, 100, 8000)));
    g_assert_cmpuint(stand.pipeline->ops->depth(stand.pipeline), ==, (unsigned)taken + 1);
    close_stand(&stand);
}

static void test_cancel_frees_at_once(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){.asr_delay_ns = 3600 * DUB_NS_PER_S});
    for (int i = 0; i < 4; i++) {
        struct job *job = new_job(&stand, 1, 100, 8000);
        job->done = NULL;
        g_assert_true(submit(&stand, job));
    }
    g_cancellable_cancel(stand.cancellable);
    stand.pipeline->ops->cancel(stand.pipeline, 1);
    g_assert_cmpuint(stand.pipeline->ops->depth(stand.pipeline), <=, 1);
    guint late = g_timeout_add_seconds(DEADLINE_S, on_late, NULL);
    while (stand.pipeline->ops->depth(stand.pipeline) > 0)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
    g_assert_cmpuint(stand.done->len, ==, 0);
    close_stand(&stand);
    pipeline_free(NULL);
}

static void test_stop_with_work_in_every_stage(void)
{
    for (int round = 0; round < 20; round++) {
        struct stand stand;
        open_stand(&stand, &(struct script){.capacity = 1, .workers = 2});
        for (int i = 0; i < 8; i++)
            submit(&stand, new_job(&stand, (uint64_t)i + 1, 3000, 8000));
        if (round % 2)
            wait_for(&stand, 1);
        close_stand(&stand);
    }
}

static void test_warm_up_is_nobodys_fragment(void)
{
    struct stand stand;
    open_stand(&stand, &(struct script){0});
    stand.pipeline->ops->prepare(stand.pipeline, stand.settings);
    process(&stand, new_job(&stand, 1, 3000, 8000));
    g_assert_cmpuint(stand.done->len, ==, 1);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.translation, NULL), ==, 1);
    stand.pipeline->ops->prepare(stand.pipeline, stand.settings);
    close_stand(&stand);
}

static void test_config(void)
{
    struct stand stand;
    struct dub_error error;
    struct dub_stream_config config = {.source_language = (char *)"en", .target_language = (char *)"es"};
    open_stand(&stand, &(struct script){0});
    g_assert_true(stand.pipeline->ops->check_config(stand.pipeline, &config, &error));
    config.format = DUB_FORMAT_M4A;
    g_assert_false(stand.pipeline->ops->check_config(stand.pipeline, &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/pipeline/whole-chain", test_whole_chain);
    g_test_add_func("/pipeline/silence-is-success-without-words", test_silence);
    g_test_add_func("/pipeline/nothing-recognised", test_nothing_recognised);
    g_test_add_func("/pipeline/inventions-are-not-spoken", test_inventions_are_not_spoken);
    g_test_add_func("/pipeline/fit-decides-the-status", test_fit);
    g_test_add_func("/pipeline/undecodable-audio", test_undecodable);
    g_test_add_func("/pipeline/too-late-to-start", test_too_late_to_start);
    g_test_add_func("/pipeline/too-slow-an-engine", test_too_slow_engine);
    g_test_add_func("/pipeline/full-queue-refuses-the-greedy", test_full);
    g_test_add_func("/pipeline/cancel-frees-at-once", test_cancel_frees_at_once);
    g_test_add_func("/pipeline/stop-with-work-in-every-stage", test_stop_with_work_in_every_stage);
    g_test_add_func("/pipeline/warm-up-is-nobodys-fragment", test_warm_up_is_nobodys_fragment);
    g_test_add_func("/pipeline/config-is-checked", test_config);
    return g_test_run();
}
