/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pipeline.h"

#include "stage.h"
#include "steps.h"

#include <dubbing_clock.h>
#include <dubbing_log.h>
#include <dubbing_mailbox.h>

enum { ASR, TRANSLATION, TTS, N_STAGES };

/* Sessions and requests never have this one. */
#define WARM_UP_OWNER 0
#define WARM_UP_TEXT "Hello."
#define WARM_UP_TIMEOUT_NS (10 * DUB_NS_PER_S)

struct pipeline {
    struct processor processor;
    struct engines *engines;
    struct sts_metrics *metrics;
    struct stage *stages[N_STAGES];
    struct dub_mailbox *finished; /* jobs on their way back to the main loop */
    GCancellable *warming;        /* of all warm-ups */
    unsigned inside;              /* main loop's thread: submitted and not yet back */
};

/* From any thread. A job is never lost: after close, which comes after the last job was asked for, it is
 * freed. */
static void send_back(struct pipeline *pipeline, struct job *job)
{
    if (!dub_mailbox_post_control(pipeline->finished, job))
        job_free(job);
}

static void fail_and_send_back(struct pipeline *pipeline, struct job *job, const struct dub_error *error)
{
    job_fail(job, error);
    send_back(pipeline, job);
}

/* The stage is closed only when the service stops. */
static void move_on(struct pipeline *pipeline, struct job *job, int next)
{
    struct dub_error error;
    if (stage_push(pipeline->stages[next], job))
        return;
    dub_error_set(&error, DUB_ERROR_CANCELLED, "the service is stopping");
    fail_and_send_back(pipeline, job, &error);
}

static void after_step(struct pipeline *pipeline, struct job *job, enum step_outcome outcome, int next,
                       const struct dub_error *error)
{
    switch (outcome) {
    case STEP_NEXT:
        move_on(pipeline, job, next);
        return;
    case STEP_DONE:
        send_back(pipeline, job);
        return;
    case STEP_FAILED:
        fail_and_send_back(pipeline, job, error);
        return;
    }
}

/* Observes a stage's time, but not that of a warm-up, which nobody waited for. */
static void note_time(struct dub_metric *metric, const struct job *job, int64_t took_ms)
{
    if (job->owner != WARM_UP_OWNER)
        dub_metric_observe(metric, (double)took_ms / 1000, NULL);
}

static void handle_asr(struct job *job, void *user)
{
    struct pipeline *pipeline = user;
    struct dub_error error;
    enum step_outcome outcome = step_recognise(pipeline->engines, job, &error);
    note_time(pipeline->metrics->asr, job, job->result.stage_timings.asr_ms);
    after_step(pipeline, job, outcome, TRANSLATION, &error);
}

static void handle_translation(struct job *job, void *user)
{
    struct pipeline *pipeline = user;
    struct dub_error error;
    enum step_outcome outcome = step_translate(pipeline->engines, job, &error);
    note_time(pipeline->metrics->translation, job, job->result.stage_timings.translation_ms);
    after_step(pipeline, job, outcome, TTS, &error);
}

static void handle_tts(struct job *job, void *user)
{
    struct pipeline *pipeline = user;
    struct dub_error error;
    enum step_outcome outcome = step_speak(pipeline->engines, job, &error);
    note_time(pipeline->metrics->tts, job, job->result.stage_timings.tts_ms);
    after_step(pipeline, job, outcome, N_STAGES, &error);
}

static void on_finished(void *message, void *user)
{
    struct pipeline *pipeline = user;
    pipeline->inside--;
    job_finish(message);
}

static bool submit(struct processor *processor, struct job *job, struct dub_error *error)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    if (!stage_offer(pipeline->stages[ASR], job))
        return dub_error_set(error, DUB_ERROR_QUEUE_FULL,
                             "the service is busy: %u fragments are waiting; send it again later",
                             pipeline->inside);
    pipeline->inside++;
    return true;
}

static void cancel(struct processor *processor, uint64_t owner)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    g_autoptr(GPtrArray) jobs = g_ptr_array_new();
    for (int i = 0; i < N_STAGES; i++)
        stage_remove(pipeline->stages[i], owner, jobs);
    for (guint i = 0; i < jobs->len; i++)
        job_free(jobs->pdata[i]);
    pipeline->inside -= jobs->len;
}

static unsigned depth(struct processor *processor)
{
    return ((struct pipeline *)processor)->inside;
}

static bool check_config(struct processor *processor, const struct dub_stream_config *config,
                         struct dub_error *error)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    if (config->format != DUB_FORMAT_PCM_S16LE)
        return dub_error_set(error, DUB_ERROR_INVALID_AUDIO_FORMAT, "format: %s is not served; use pcm_s16le",
                             dub_audio_format_name(config->format));
    return engines_check_languages(pipeline->engines, config->source_language, config->target_language,
                                   error);
}

/* Translators start their processes and synthesisers load their voice at the first phrase; that phrase should
 * not wait for it. So one word goes through both stages when a stream begins, for nobody. */
static void prepare(struct processor *processor, struct job_settings *settings)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    struct dub_fragment_data nothing = {.audio = {.duration_ms = 1000}};
    struct dub_log_context context = {.stream_id = settings->stream_id};

    if (pipeline->engines->voices && !voices_has(pipeline->engines->voices, settings->voice_profile))
        dub_log(DUB_LOG_WARN, &context, "there is no voice profile %s; the default of %s is used",
                settings->voice_profile, settings->target_language);
    struct job *job = job_new(WARM_UP_OWNER, settings, &nothing, pipeline->warming);
    job->deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + WARM_UP_TIMEOUT_NS;
    job->result.transcript = g_strdup(WARM_UP_TEXT);
    if (stage_offer(pipeline->stages[TRANSLATION], job))
        pipeline->inside++;
    else
        job_free(job);
}

static JsonObject *describe(struct processor *processor)
{
    return engines_describe(((struct pipeline *)processor)->engines);
}

static const struct processor_ops ops = {
    .submit = submit,
    .cancel = cancel,
    .depth = depth,
    .check_config = check_config,
    .prepare = prepare,
    .describe = describe,
};

struct processor *pipeline_new(struct engines *engines, unsigned queue_capacity, struct sts_metrics *metrics)
{
    struct pipeline *pipeline = g_new0(struct pipeline, 1);
    const struct {
        const char *name;
        unsigned n_threads;
        void (*handle)(struct job *take_job, void *user);
    } stages[N_STAGES] = {
        [ASR] = {"asr", engines->asr_workers, handle_asr},
        [TRANSLATION] = {"translation", engines->translation_workers, handle_translation},
        [TTS] = {"tts", engines->tts_workers, handle_tts},
    };
    pipeline->processor.ops = &ops;
    pipeline->engines = engines;
    pipeline->metrics = metrics;
    pipeline->finished = dub_mailbox_new(NULL, 1, on_finished, (GDestroyNotify)job_free, pipeline);
    pipeline->warming = g_cancellable_new();
    /* From the end, so that a stage's successor is there before it has work. */
    for (int i = N_STAGES - 1; i >= 0; i--)
        pipeline->stages[i] = stage_new(&(struct stage_config){
            .name = stages[i].name,
            .capacity = queue_capacity,
            .n_threads = stages[i].n_threads,
            .metrics = metrics,
            .handle = stages[i].handle,
            .user = pipeline,
        });
    return &pipeline->processor;
}

void pipeline_free(struct processor *processor)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    if (!pipeline)
        return;
    g_cancellable_cancel(pipeline->warming);
    for (int i = 0; i < N_STAGES; i++)
        stage_close(pipeline->stages[i]);
    for (int i = 0; i < N_STAGES; i++)
        stage_free(pipeline->stages[i]);
    dub_mailbox_free(pipeline->finished);
    g_object_unref(pipeline->warming);
    g_free(pipeline);
}
