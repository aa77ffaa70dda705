/* SPDX-License-Identifier: GPL-3.0-or-later */
/* whisper.cpp: Whisper's models in ggml's format, on processors and GPUs.
 *
 * The model is loaded once. Each thread has a decoder of its own on it. Callers queue a job and wait for it;
 * one whose deadline passes or who is cancelled leaves at once, and the decoder drops the job at the next
 * step of its computation (the encoder's one long step cannot be interrupted, but nobody waits for it). */
#include "../../audio/loudness.h"
#include "../../audio/resample.h"
#include "../../text/guard.h"
#include "../wait.h"
#include "engines.h"
#include "whisper_decoder.h"
#include "whisper_model_path.h"
#include "whisper_talk.h"

#include <dubbing_log.h>
#include <string.h>

#define MAX_DECODERS 16
/* Silence left around the speech. */
#define MARGIN_MS 200
/* The library takes a clip below 100 ms for none. */
#define LEAST_MS 1000

/* The caller's, until it gives up on a job that a decoder is at: then the decoder frees it. */
struct job {
    int abandoned; /* atomic, set under the engine's lock */
    bool done;     /* under the engine's lock. What follows is the decoder's before, the caller's after */
    bool succeeded;
    struct pcm audio;  /* the speech in it, at WHISPER_RATE_HZ */
    int64_t offset_ms; /* of audio from the start of the fragment */
    char *language;
    char *prompt; /* NULL: none */
    struct asr_transcript transcript;
    struct dub_error error;
};

struct asr_engine {
    struct whisper_model *model;
    char *name; /* of the model: its file's */
    struct whisper_talk *talk;
    struct whisper_decoder *decoders[MAX_DECODERS];
    GThread *threads[MAX_DECODERS];
    int thread_count;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    GQueue jobs;
    int next; /* decoder that is not yet any thread's */
    bool quit;
};

static void job_free(struct job *job)
{
    if (!job)
        return;
    pcm_clear(&job->audio);
    g_free(job->language);
    g_free(job->prompt);
    asr_transcript_clear(&job->transcript);
    g_free(job);
}

/* NULL: the engine is being destroyed. */
static struct job *take_job(struct asr_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    while (!engine->quit && g_queue_is_empty(&engine->jobs))
        pthread_cond_wait(&engine->changed, &engine->lock);
    struct job *job = engine->quit ? NULL : g_queue_pop_head(&engine->jobs);
    pthread_mutex_unlock(&engine->lock);
    return job;
}

static void finish_job(struct asr_engine *engine, struct job *job, bool succeeded)
{
    pthread_mutex_lock(&engine->lock);
    bool abandoned = g_atomic_int_get(&job->abandoned) != 0;
    job->succeeded = succeeded;
    job->done = true;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    if (abandoned)
        job_free(job);
}

static gpointer decoder_main(gpointer user)
{
    struct asr_engine *engine = user;
    pthread_mutex_lock(&engine->lock);
    struct whisper_decoder *decoder = engine->decoders[engine->next++];
    pthread_mutex_unlock(&engine->lock);
    struct job *job;
    while ((job = take_job(engine))) {
        struct whisper_task task = {.audio = &job->audio,
                                    .language = job->language,
                                    .prompt = job->prompt,
                                    .abandoned = &job->abandoned};
        finish_job(engine, job, whisper_decoder_run(decoder, &task, &job->transcript, &job->error));
    }
    return NULL;
}

static void destroy(void *data)
{
    struct asr_engine *engine = data;
    pthread_mutex_lock(&engine->lock);
    engine->quit = true;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    for (int i = 0; i < engine->thread_count; i++)
        g_thread_join(engine->threads[i]);
    g_assert(g_queue_is_empty(&engine->jobs));
    for (int i = 0; i < MAX_DECODERS; i++)
        whisper_decoder_free(engine->decoders[i]);
    whisper_model_free(engine->model);
    whisper_talk_free(engine->talk);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    g_free(engine->name);
    g_free(engine);
}

static struct asr_engine *engine_new(struct whisper_model *model, const char *path)
{
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    engine->model = model;
    engine->name = g_path_get_basename(path);
    engine->talk = whisper_talk_new();
    pthread_mutex_init(&engine->lock, NULL);
    engine_wait_init(&engine->changed);
    g_queue_init(&engine->jobs);
    return engine;
}

/* All decoders first: what there is no memory for is said at the start. */
static bool start_decoders(struct asr_engine *engine, int count, struct dub_error *error)
{
    for (int i = 0; i < count; i++) {
        engine->decoders[i] = whisper_decoder_new(engine->model, error);
        if (!engine->decoders[i])
            return false;
    }
    for (int i = 0; i < count; i++, engine->thread_count++)
        engine->threads[i] = g_thread_new("asr-whisper", decoder_main, engine);
    return true;
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    int cores = (int)g_get_num_processors();
    int workers = CLAMP(config->workers > 0 ? config->workers : cores, 1, MAX_DECODERS);
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
    struct pcm speech = *request->audio;
    speech.samples += span.first;
    speech.count = span.count;
    job->offset_ms = (int64_t)span.first * 1000 / speech.rate_hz;
    if (!pcm_resample(&speech, WHISPER_RATE_HZ, &job->audio, error)) {
        job_free(job);
        return NULL;
    }
    lengthen(&job->audio);
    job->language = engine_language_base(request->language);
    job->prompt = whisper_talk_prompt(engine->talk, request->call.session_id, job->language, request->hints);
    return job;
}

/* Queues the job, which it takes, and gives it back when done. NULL: the caller does not wait any longer; the
 * job was taken back from the queue, or it is its decoder's to free. */
static struct job *wait_for(struct asr_engine *engine, struct job *job, const struct engine_call *call,
                            struct dub_error *error)
{
    pthread_mutex_lock(&engine->lock);
    g_queue_push_tail(&engine->jobs, job);
    pthread_cond_broadcast(&engine->changed);
    while (!job->done && engine_call_go_on(call, DUB_STAGE_ASR, error))
        engine_wait_step(&engine->changed, &engine->lock, call);
    struct job *done = job->done ? job : NULL;
    bool waiting = !done && g_queue_remove(&engine->jobs, job);
    if (!done && !waiting)
        g_atomic_int_set(&job->abandoned, 1);
    pthread_mutex_unlock(&engine->lock);
    if (waiting)
        job_free(job);
    return done;
}

static void shift_words(struct asr_transcript *transcript, int64_t by_ms)
{
    for (guint i = 0; transcript->words && i < transcript->words->len; i++) {
        struct asr_word *word = &g_array_index(transcript->words, struct asr_word, i);
        word->start_ms += by_ms;
        word->end_ms += by_ms;
    }
}

static bool take_result(struct job *job, struct asr_transcript *transcript, struct dub_error *error)
{
    if (!job->succeeded) {
        if (error)
            *error = job->error;
        return false;
    }
    *transcript = job->transcript;
    job->transcript = (struct asr_transcript){0};
    shift_words(transcript, job->offset_ms);
    return true;
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
    struct loudness_span span = loudness_find_speech(request->audio, MARGIN_MS);
    if (span.count == 0) {
        transcript->no_speech = true;
        transcript->confidence = 1.0;
        return true;
    }
    struct job *job = job_new(engine, request, span, error);
    if (!job)
        return false;
    job = wait_for(engine, job, &request->call, error);
    bool succeeded = job != NULL && take_result(job, transcript, error);
    if (succeeded)
        remember(engine, request, job->language, transcript);
    job_free(job);
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
            .max_concurrency = MAX_DECODERS,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .forget = forget,
    .transcribe = transcribe,
};
