/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pipeline.h"

#include "../lineage/lineage.h"
#include "admission.h"
#include "deadlines.h"
#include "stage.h"

#include <dubbing_log.h>
#include <dubbing_mailbox.h>

#define WARM_UP_TEXT "Hello."
#define WARM_UP_TIMEOUT_NS (10 * DUB_NS_PER_S)
/* More at a time would warm little that these do not. */
#define WARM_UPS_MAX 16

static const char *const stage_names[JOB_N_STAGES] = {"asr", "translation", "tts"};
static const enum dub_stage error_stages[JOB_N_STAGES] = {DUB_STAGE_ASR, DUB_STAGE_TRANSLATION,
                                                          DUB_STAGE_TTS};
static const step engine_steps[JOB_N_STAGES] = {step_recognise, step_translate, step_speak};

/* One per stage: what its threads are told. */
struct place {
    struct pipeline *pipeline;
    enum job_stage stage;
};

struct pipeline {
    struct processor processor;
    struct pipeline_config config;
    struct place places[JOB_N_STAGES];
    struct stage *stages[JOB_N_STAGES];
    struct dub_mailbox *finished; /* jobs on their way back to the main loop */
    GCancellable *warming;        /* of all warm-ups */

    /* Main loop's thread. */
    struct admission *inside; /* submitted and not yet back */
    unsigned n_warming;       /* warm-ups under way: they are nobody's, so they take nobody's place */
    GHashTable *live;         /* ids of sessions that have sent something, by owner */
    struct deadlines *deadlines;
};

/* From any thread. A job is never lost: after close, which comes after the last job was asked for, it is
 * freed. */
static void send_back(struct pipeline *pipeline, struct job *job)
{
    if (pipeline->config.lineage && job->owner != JOB_WARM_UP)
        lineage_note(pipeline->config.lineage, job, dub_clock_now_ns(pipeline->config.clock));
    if (!dub_mailbox_post_control(pipeline->finished, job))
        job_free(job);
}

static void fail_and_send_back(struct pipeline *pipeline, struct job *job, const struct dub_error *error)
{
    job_fail(job, error);
    send_back(pipeline, job);
}

static bool is_late(const struct pipeline *pipeline, const struct job *job)
{
    return dub_clock_now_ns(pipeline->config.clock) >= job->deadline_ns;
}

static void set_late(const struct job *job, enum job_stage stage, const char *what, struct dub_error *error)
{
    int64_t allowed_ms = (job->deadline_ns - job->arrived_ns) / DUB_NS_PER_MS;
    dub_error_set_stage(error, DUB_ERROR_TIMEOUT, error_stages[stage],
                        "not done within %" G_GINT64_FORMAT " ms: %s %s", allowed_ms, what,
                        stage_names[stage]);
}

static void move_on(struct pipeline *pipeline, struct job *job, enum job_stage next)
{
    struct dub_error error;
    if (stage_push(pipeline->stages[next], job))
        return;
    if (is_late(pipeline, job))
        set_late(job, next, "waited for", &error);
    else
        dub_error_set(&error, DUB_ERROR_CANCELLED, "the client is gone or the service is stopping");
    fail_and_send_back(pipeline, job, &error);
}

static void after_step(struct pipeline *pipeline, struct job *job, enum job_stage stage,
                       enum step_outcome outcome, struct dub_error *error)
{
    if (outcome != STEP_FAILED && is_late(pipeline, job)) {
        set_late(job, stage, "late after", error);
        outcome = STEP_FAILED;
    }
    switch (outcome) {
    case STEP_NEXT:
        move_on(pipeline, job, stage + 1);
        return;
    case STEP_DONE:
        send_back(pipeline, job);
        return;
    case STEP_FAILED:
        fail_and_send_back(pipeline, job, error);
        return;
    }
}

/* Observes the engine's time, but not that of a warm-up, which nobody waited for, nor of an engine that was
 * not asked. */
static void note_time(const struct pipeline *pipeline, const struct job *job, enum job_stage stage)
{
    const struct dub_processing_metadata *metadata = &job->result.metadata;
    const struct dub_stage_timings *timings = &job->result.stage_timings;
    struct sts_metrics *metrics = pipeline->config.metrics;
    const struct {
        struct dub_metric *metric;
        int64_t took_ms;
        const char *model; /* set when the engine was asked */
    } stages[JOB_N_STAGES] = {
        [JOB_ASR] = {metrics->asr, timings->asr_ms, metadata->asr_model},
        [JOB_TRANSLATION] = {metrics->translation, timings->translation_ms, metadata->translation_model},
        [JOB_TTS] = {metrics->tts, timings->tts_ms, metadata->tts_model},
    };
    if (job->owner != JOB_WARM_UP && stages[stage].model)
        dub_metric_observe(stages[stage].metric, (double)stages[stage].took_ms / 1000, NULL);
}

/* On a thread of the stage. */
static void handle(struct job *job, void *user)
{
    const struct place *place = user;
    struct pipeline *pipeline = place->pipeline;
    struct dub_error error;
    enum step_outcome outcome = pipeline->config.steps[place->stage](pipeline->config.engines, job, &error);
    note_time(pipeline, job, place->stage);
    after_step(pipeline, job, place->stage, outcome, &error);
}

static void on_finished(void *message, void *user)
{
    struct pipeline *pipeline = user;
    struct job *job = message;
    if (job->owner == JOB_WARM_UP)
        pipeline->n_warming--;
    else
        admission_leave(pipeline->inside, job_stream(job));
    deadlines_remove(pipeline->deadlines, job);
    job_finish(job);
}

/* What waits in vain is answered now; what is being worked on comes back by itself. */
static void on_due(int64_t now_ns, void *user)
{
    struct pipeline *pipeline = user;
    for (unsigned i = 0; i < JOB_N_STAGES; i++) {
        g_autoptr(GPtrArray) jobs = g_ptr_array_new();
        stage_expire(pipeline->stages[i], now_ns, jobs);
        for (guint j = 0; j < jobs->len; j++) {
            struct dub_error error;
            set_late(jobs->pdata[j], i, "waited for", &error);
            fail_and_send_back(pipeline, jobs->pdata[j], &error);
        }
    }
}

/* A session is known to the stages from its first fragment to its end. */
static void note_live(struct pipeline *pipeline, const struct job *job)
{
    uint64_t owner = job->owner;
    if (owner >= JOB_FIRST_REQUEST || g_hash_table_contains(pipeline->live, &owner))
        return;
    g_hash_table_insert(pipeline->live, g_memdup2(&owner, sizeof(owner)),
                        g_strdup(job->settings->session_id));
    for (int i = 0; i < JOB_N_STAGES; i++)
        stage_join(pipeline->stages[i], owner);
}

static void start(struct pipeline *pipeline, struct job *job, enum job_stage first)
{
    deadlines_add(pipeline->deadlines, job, job->deadline_ns);
    move_on(pipeline, job, first);
}

static bool submit(struct processor *processor, struct job *job, struct dub_error *error)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    note_live(pipeline, job);
    if (!admission_enter(pipeline->inside, job_stream(job)))
        return dub_error_set(error, DUB_ERROR_QUEUE_FULL,
                             "the service is busy: %u fragments are under way; send it again later",
                             admission_count(pipeline->inside));
    start(pipeline, job, JOB_ASR);
    return true;
}

static void forget(struct pipeline *pipeline, uint64_t owner)
{
    const char *session_id = g_hash_table_lookup(pipeline->live, &owner);
    if (session_id)
        asr_forget(pipeline->config.engines->asr, session_id);
    g_hash_table_remove(pipeline->live, &owner);
}

static void cancel(struct processor *processor, uint64_t owner)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    for (int i = 0; i < JOB_N_STAGES; i++) {
        stage_remove(pipeline->stages[i], owner, jobs);
        stage_leave(pipeline->stages[i], owner);
    }
    for (guint i = 0; i < jobs->len; i++) {
        admission_leave(pipeline->inside, job_stream(jobs->pdata[i]));
        deadlines_remove(pipeline->deadlines, jobs->pdata[i]);
    }
    forget(pipeline, owner);
}

static unsigned depth(struct processor *processor)
{
    return admission_count(((struct pipeline *)processor)->inside);
}

static unsigned n_threads(const struct engines *engines, int stage)
{
    const unsigned threads[JOB_N_STAGES] = {
        [JOB_ASR] = engines->asr_workers,
        [JOB_TRANSLATION] = engines->translation_workers,
        [JOB_TTS] = engines->tts_workers,
    };
    return threads[stage];
}

/* As if the narrowest stage did all the work: what is said by it is rather too late than too early. */
static unsigned parallelism(struct processor *processor)
{
    const struct engines *engines = ((struct pipeline *)processor)->config.engines;
    unsigned least = n_threads(engines, 0);
    for (int i = 1; i < JOB_N_STAGES; i++)
        least = MIN(least, n_threads(engines, i));
    return least;
}

static bool check_config(struct processor *processor, const struct dub_stream_config *config,
                         struct dub_error *error)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    struct glossary *glossary = glossary_for_stream(config->glossary.keep, config->glossary.replace, error);
    glossary_free(glossary);
    const struct engines *engines = pipeline->config.engines;
    return glossary &&
           engines_check_languages(engines, config->source_language, config->target_language, error) &&
           engines_check_voice(engines, config->voice_profile, config->target_language, error);
}

/* Translators start their processes, synthesisers load their voice and recognisers a vocabulary at the first
 * phrase; that phrase should not wait for it. So hints are told the recogniser when a stream begins, and one
 * word goes through the other stages, for nobody; a provider is only greeted, for it would be paid. */
static void prepare(struct processor *processor, struct job_settings *settings)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    struct dub_fragment_data nothing = {.sequence_number = ENGINE_CALL_WARM_UP,
                                        .audio = {.duration_ms = 1000}};
    asr_prepare(pipeline->config.engines->asr, (const char *const *)settings->domain_hints);
    if (pipeline->n_warming >= WARM_UPS_MAX)
        return;
    pipeline->n_warming++;
    struct job *job = job_new(JOB_WARM_UP, settings, &nothing, pipeline->warming);
    job->arrived_ns = dub_clock_now_ns(pipeline->config.clock);
    job->deadline_ns = job->arrived_ns + WARM_UP_TIMEOUT_NS;
    job->text.prepared_source = g_strdup(WARM_UP_TEXT);
    job->result.transcript = g_strdup(WARM_UP_TEXT);
    /* Nobody knows yet what will be translated. */
    bool unknown = engine_language_matches(settings->source_language, ENGINE_LANGUAGE_UNKNOWN);
    job->result.translated_text = unknown ? g_strdup(WARM_UP_TEXT) : NULL;
    start(pipeline, job, unknown ? JOB_TTS : JOB_TRANSLATION);
}

static JsonObject *describe(struct processor *processor)
{
    return engines_describe(((struct pipeline *)processor)->config.engines);
}

static const struct processor_ops ops = {
    .submit = submit,
    .cancel = cancel,
    .depth = depth,
    .parallelism = parallelism,
    .check_config = check_config,
    .prepare = prepare,
    .describe = describe,
};

/* So many wait and so many are worked on when one stage holds up all the others. */
static unsigned bound(const struct pipeline_config *config)
{
    unsigned most = 0;
    for (int i = 0; i < JOB_N_STAGES; i++)
        most = MAX(most, n_threads(config->engines, i));
    return config->queue_capacity + most;
}

static void start_stage(struct pipeline *pipeline, unsigned i)
{
    pipeline->places[i] = (struct place){pipeline, i};
    pipeline->stages[i] = stage_new(&(struct stage_config){
        .name = stage_names[i],
        .place = i,
        .n_threads = n_threads(pipeline->config.engines, (int)i),
        .clock = pipeline->config.clock,
        .metrics = pipeline->config.metrics,
        .handle = handle,
        .user = &pipeline->places[i],
    });
}

struct processor *pipeline_new(const struct pipeline_config *config)
{
    struct pipeline *pipeline = g_new0(struct pipeline, 1);
    pipeline->processor.ops = &ops;
    pipeline->config = *config;
    if (!config->clock)
        pipeline->config.clock = dub_clock_monotonic();
    if (!config->steps)
        pipeline->config.steps = engine_steps;
    pipeline->finished = dub_mailbox_new(NULL, 1, on_finished, (GDestroyNotify)job_free, pipeline);
    pipeline->warming = g_cancellable_new();
    pipeline->inside = admission_new(bound(config));
    pipeline->live = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    pipeline->deadlines = deadlines_new(pipeline->config.clock, on_due, pipeline);
    /* From the end, so that a stage's successor is there before it has work. */
    for (unsigned i = JOB_N_STAGES; i-- > 0;)
        start_stage(pipeline, i);
    return &pipeline->processor;
}

void pipeline_free(struct processor *processor)
{
    struct pipeline *pipeline = (struct pipeline *)processor;
    if (!pipeline)
        return;
    g_cancellable_cancel(pipeline->warming);
    deadlines_free(pipeline->deadlines);
    for (int i = 0; i < JOB_N_STAGES; i++)
        stage_close(pipeline->stages[i]);
    for (int i = 0; i < JOB_N_STAGES; i++)
        stage_free(pipeline->stages[i]);
    dub_mailbox_free(pipeline->finished);
    admission_free(pipeline->inside);
    g_hash_table_unref(pipeline->live);
    g_object_unref(pipeline->warming);
    g_free(pipeline);
}
