/* SPDX-License-Identifier: GPL-3.0-or-later */
/* whisper.cpp: Whisper's models in ggml's format, on processors and GPUs.
 *
 * The model is loaded once; each of the threads (../job_queue.h) has a decoder of its own on it. A job that
 * nobody waits for any more is dropped at the next step of its computation (the encoder's one long step
 * cannot be interrupted). */
#include "../../text/guard.h"
#include "engines.h"
#include "speech_job.h"
#include "whisper_decoder.h"
#include "whisper_model_path.h"
#include "whisper_talk.h"

#include <dubbing_log.h>
#include <string.h>

/* The library takes a clip below 100 ms for none. */
#define LEAST_MS 1000

struct job {
    struct speech_job speech; /* at WHISPER_RATE_HZ */
    char *language;
    char *prompt; /* NULL: none */
};

struct asr_engine {
    struct whisper_model *model;
    char *name; /* of the model: its file's */
    struct whisper_talk *talk;
    struct whisper_decoder *decoders[JOB_QUEUE_MAX_THREADS]; /* each its thread's */
    struct job_queue *queue;
};

static void free_job(struct engine_job *base)
{
    struct job *job = (struct job *)base;
    if (!job)
        return;
    speech_job_clear(&job->speech);
    g_free(job->language);
    g_free(job->prompt);
    g_free(job);
}

static bool run(void *decoder, struct engine_job *base)
{
    struct job *job = (struct job *)base;
    struct whisper_task task = {.audio = &job->speech.audio,
                                .language = job->language,
                                .prompt = job->prompt,
                                .abandoned = &base->abandoned};
    return whisper_decoder_run(decoder, &task, &job->speech.transcript, &base->error);
}

static const struct job_queue_ops queue_ops = {
    .thread_name = "asr-whisper", .stage = DUB_STAGE_ASR, .run = run, .free_job = free_job};

static void destroy(void *data)
{
    struct asr_engine *engine = data;
    job_queue_free(engine->queue);
    for (int i = 0; i < JOB_QUEUE_MAX_THREADS; i++)
        whisper_decoder_free(engine->decoders[i]);
    whisper_model_free(engine->model);
    whisper_talk_free(engine->talk);
    g_free(engine->name);
    g_free(engine);
}

static struct asr_engine *engine_new(struct whisper_model *model, const char *path)
{
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    engine->model = model;
    engine->name = g_path_get_basename(path);
    engine->talk = whisper_talk_new();
    return engine;
}

/* All decoders first: what there is no memory for is said at the start. */
static bool start_decoders(struct asr_engine *engine, int count, struct dub_error *error)
{
    void *workers[JOB_QUEUE_MAX_THREADS];
    for (int i = 0; i < count; i++) {
        engine->decoders[i] = whisper_decoder_new(engine->model, error);
        if (!engine->decoders[i])
            return false;
        workers[i] = engine->decoders[i];
    }
    engine->queue = job_queue_new(&queue_ops, workers, count);
    return true;
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    int cores = (int)g_get_num_processors();
    int workers = CLAMP(config->workers > 0 ? config->workers : cores, 1, JOB_QUEUE_MAX_THREADS);
    g_autofree char *path = whisper_model_path(config, error);
    if (!path)
        return NULL;
    g_autofree char *voice_path = whisper_voice_path(config, path);
    struct whisper_model *model =
        whisper_model_load(path, voice_path, config->device, MAX(cores / workers, 1), error);
    if (!model)
        return NULL;
    struct asr_engine *engine = engine_new(model, path);
    if (start_decoders(engine, workers, error)) {
        dub_log_info("whisper: %s on %s, %d at a time, voice activity by %s", path,
                     whisper_model_gpu(model) ? whisper_model_gpu(model) : "the processor", workers,
                     voice_path ? voice_path : "its level alone");
        return engine;
    }
    destroy(engine);
    return NULL;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct asr_engine *engine = data;
    info->model = g_strdup(engine->name);
    info->device = whisper_model_gpu(engine->model) ? "cuda" : NULL;
    info->languages = whisper_model_languages(engine->model);
}

static bool supports(const struct asr_engine *engine, const char *language)
{
    return whisper_model_supports(engine->model, language);
}

/* Silence behind what is too short for the library. */
static void lengthen(struct pcm *audio)
{
    size_t least = (size_t)LEAST_MS * WHISPER_RATE_HZ / 1000;
    if (audio->count >= least)
        return;
    audio->samples = g_renew(int16_t, audio->samples, least);
    memset(audio->samples + audio->count, 0, (least - audio->count) * sizeof(int16_t));
    audio->count = least;
}

static struct job *job_new(struct asr_engine *engine, const struct asr_request *request,
                           struct loudness_span span, struct dub_error *error)
{
    struct job *job = g_new0(struct job, 1);
    if (!speech_job_cut(&job->speech, request, span, WHISPER_RATE_HZ, error)) {
        free_job(&job->speech.base);
        return NULL;
    }
    lengthen(&job->speech.audio);
    job->language = engine_language_base(request->language);
    job->prompt = whisper_talk_prompt(engine->talk, request->call.session_id, job->language, request->hints);
    return job;
}

/* What looks invented would only be gone on with. */
static void remember(struct asr_engine *engine, const struct asr_request *request, const char *language,
                     const struct asr_transcript *transcript)
{
    const struct engine_call *call = &request->call;
    int64_t duration_ms = pcm_duration_ms(request->audio);
    if (call->fragment == ENGINE_CALL_WARM_UP || transcript->no_speech)
        return;
    bool sound = guard_transcript(transcript->text, duration_ms) == GUARD_OK;
    whisper_talk_keep(engine->talk, call->session_id, call->fragment, language,
                      sound ? transcript->text : NULL);
}

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    struct loudness_span span;
    if (!speech_find(request, &span, transcript))
        return true;
    struct job *job = job_new(engine, request, span, error);
    if (!job)
        return false;
    job = (struct job *)job_queue_run(engine->queue, &job->speech.base, &request->call, error);
    bool succeeded = job != NULL && speech_job_result(&job->speech, transcript, error);
    if (succeeded)
        remember(engine, request, job->language, transcript);
    free_job((struct engine_job *)job);
    return succeeded;
}

static void forget(struct asr_engine *engine, const char *session_id)
{
    whisper_talk_forget(engine->talk, session_id);
}

const struct asr_engine_ops asr_whisper = {
    .base =
        {
            .name = "whisper",
            .summary = "Whisper's models by whisper.cpp, offline, CPU or GPU",
            .max_concurrency = JOB_QUEUE_MAX_THREADS,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .forget = forget,
    .transcribe = transcribe,
};
