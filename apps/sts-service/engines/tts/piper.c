/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Piper's voices (VITS) on ONNX Runtime: phonemes by eSpeak NG's helper processes, sound by the voice's
 * model.
 *
 * A caller makes its text's phonemes itself and has a thread of the queue compute the sound. One whose
 * deadline passes or who is cancelled leaves at once; the computation is told to stop. */
#include "../job_queue.h"
#include "engines.h"
#include "espeak_pool.h"
#include "piper_cast.h"
#include "piper_phonemes.h"
#include "piper_shelf.h"

#include <dubbing_log.h>
#include <string.h>

/* Between sentences, at rate 1. */
#define PAUSE_MS 200
/* More voices are counted, not named, where one word stands for the engine. */
#define MAX_NAMED 4

static const struct engine_call any_time = {0};

struct job {
    struct engine_job base;
    struct piper_role role;
    double rate;
    GPtrArray *sentences; /* of numbers */
    struct piper_stop *stop;
    GArray *samples;
};

struct tts_engine {
    GPtrArray *found; /* struct piper_found */
    struct piper_cast *cast;
    struct piper_shelf *shelf;
    struct espeak_pool *pool;
    struct job_queue *queue;
};

static void free_job(struct engine_job *base)
{
    struct job *job = (struct job *)base;
    g_ptr_array_unref(job->sentences);
    piper_stop_free(job->stop);
    g_array_unref(job->samples);
    g_free(job);
}

static void stop_job(struct engine_job *base)
{
    piper_stop_now(((struct job *)base)->stop);
}

/* Within what a clip may have: the sentence behind it is refused otherwise. */
static void add_pause(struct job *job, gsize max_samples)
{
    double pause = (double)job->role.found->voice->rate_hz * PAUSE_MS / 1000.0 / job->rate;
    gsize length = MIN(job->samples->len + (gsize)pause, max_samples);
    guint before = job->samples->len;
    g_array_set_size(job->samples, (guint)length);
    memset(&g_array_index(job->samples, int16_t, before), 0, (length - before) * sizeof(int16_t));
}

/* The model's own scale of time follows the rate, so that nothing has to be stretched. */
static bool speak_all(const struct piper_session *session, struct job *job)
{
    const struct piper_voice *voice = job->role.found->voice;
    gsize max_samples = (gsize)voice->rate_hz * (PCM_MAX_MS / 1000);
    struct piper_input input = {
        .noise_scale = (float)voice->noise_scale,
        .length_scale = (float)(voice->length_scale / job->rate),
        .noise_width = (float)voice->noise_width,
        .speaker = job->role.speaker,
    };
    for (guint i = 0; i < job->sentences->len; i++) {
        input.ids = job->sentences->pdata[i];
        if (i > 0)
            add_pause(job, max_samples);
        if (!piper_session_run(session, &input, job->stop, job->samples, max_samples, &job->base.error))
            return false;
    }
    return true;
}

static bool run_job(void *worker, struct engine_job *base)
{
    struct tts_engine *engine = worker;
    struct job *job = (struct job *)base;
    const struct piper_found *found = job->role.found;
    const struct piper_session *session = piper_shelf_take(engine->shelf, found, &base->error);
    if (!session)
        return false;
    bool spoken = speak_all(session, job);
    piper_shelf_give_back(engine->shelf, found);
    return spoken;
}

static const struct job_queue_ops queue_ops = {
    .thread_name = "tts-piper",
    .stage = DUB_STAGE_TTS,
    .run = run_job,
    .free_job = free_job,
    .stop = stop_job,
};

static void destroy(void *data)
{
    struct tts_engine *engine = data;
    job_queue_free(engine->queue);
    piper_cast_free(engine->cast);
    piper_shelf_free(engine->shelf);
    espeak_pool_free(engine->pool);
    g_ptr_array_unref(engine->found);
    g_free(engine);
}

static void ignore_clause(const char *phonemes, char end, void *user)
{
}

/* A process where one is needed: eSpeak NG and its voice are there. */
static bool check_phonemes(struct espeak_pool *pool, const struct piper_found *found, struct dub_error *error)
{
    if (!found->voice->espeak_voice)
        return true;
    struct espeak_process *process = espeak_pool_take(pool, &any_time, error);
    if (!process)
        return false;
    struct dub_error failure = {0};
    bool there = espeak_process_phonemes(process, found->voice->espeak_voice, "", &any_time, ignore_clause,
                                         NULL, &failure);
    espeak_pool_give_back(pool, process);
    return there || dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS, "%s: %s", found->path,
                                        failure.message);
}

/* So many voices are loaded at the start: what is wrong with one is known then, and nobody waits for it. */
static bool check_voice(struct tts_engine *engine, const struct piper_found *found, bool load,
                        struct dub_error *error)
{
    if (!check_phonemes(engine->pool, found, error))
        return false;
    if (!load)
        return true;
    if (!piper_shelf_take(engine->shelf, found, error))
        return false;
    piper_shelf_give_back(engine->shelf, found);
    return true;
}

/* Those that cannot be used go; the last of them is the error when none is left. */
static bool check_voices(struct tts_engine *engine, struct dub_error *error)
{
    struct dub_error failure = {0};
    bool load = engine->found->len <= PIPER_SHELF_MAX;
    for (guint i = engine->found->len; i-- > 0;) {
        if (check_voice(engine, engine->found->pdata[i], load, &failure))
            continue;
        dub_log_warn("piper does not use a voice: %s", failure.message);
        g_ptr_array_remove_index(engine->found, i);
    }
    if (engine->found->len == 0 && error)
        *error = failure;
    return engine->found->len > 0;
}

static struct tts_engine *engine_new(GPtrArray *take_found, const char *device, int workers)
{
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    int cores = (int)g_get_num_processors();
    engine->found = take_found;
    engine->pool = espeak_pool_new();
    engine->shelf = piper_shelf_new(device, MAX(cores / workers, 1));
    return engine;
}

/* Any thread runs any voice: what they share is the engine. */
static void start_threads(struct tts_engine *engine, int count)
{
    void *workers[JOB_QUEUE_MAX_THREADS];
    for (int i = 0; i < count; i++)
        workers[i] = engine;
    engine->queue = job_queue_new(&queue_ops, workers, count);
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    int cores = (int)g_get_num_processors();
    int workers = CLAMP(config->workers > 0 ? config->workers : cores, 1, JOB_QUEUE_MAX_THREADS);
    GPtrArray *found = piper_find(config, error);
    if (!found)
        return NULL;
    struct tts_engine *engine = engine_new(found, config->device, workers);
    if (!check_voices(engine, error)) {
        destroy(engine);
        return NULL;
    }
    engine->cast = piper_cast_new(engine->found, config->voices);
    start_threads(engine, workers);
    dub_log_info("piper: %u voices on %s by ONNX Runtime %s, %d at a time", found->len,
                 piper_shelf_on_gpu(engine->shelf) ? "the GPU" : "the processor", piper_session_version(),
                 workers);
    return engine;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct tts_engine *engine = data;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (guint i = 0; i < engine->found->len; i++)
        g_strv_builder_add(names, ((const struct piper_found *)engine->found->pdata[i])->name);
    info->models = g_strv_builder_end(names);
    info->model = engine->found->len <= MAX_NAMED ? g_strjoinv(", ", info->models)
                                                  : g_strdup_printf("%u voices", engine->found->len);
    info->device = piper_shelf_on_gpu(engine->shelf) ? "cuda" : NULL;
    info->languages = piper_cast_languages(engine->cast);
    info->voices = piper_cast_profiles(engine->cast);
}

static bool supports(const struct tts_engine *engine, const char *language)
{
    return piper_find_speaking(engine->found, language) != NULL;
}

static char *voice_of(const struct tts_engine *engine, const char *profile, const char *language)
{
    struct piper_role role = piper_cast_find(engine->cast, profile, language);
    if (!role.found)
        return NULL;
    if (!role.profile)
        return g_strdup(role.found->name);
    const char *speaker = role.profile->speaker;
    return g_strdup_printf("%s%s%s (%s)", role.found->name, speaker ? " " : "", speaker ? speaker : "",
                           role.profile->profile);
}

static void add_clause(const char *phonemes, char end, void *user)
{
    piper_phonemes_add_clause(user, phonemes, end);
}

static bool ask_espeak(struct tts_engine *engine, const struct tts_request *request,
                       struct piper_phonemes *phonemes, struct dub_error *error)
{
    struct espeak_process *process = espeak_pool_take(engine->pool, &request->call, error);
    if (!process)
        return false;
    bool done = espeak_process_phonemes(process, phonemes->voice->espeak_voice, request->text, &request->call,
                                        add_clause, phonemes, error);
    espeak_pool_give_back(engine->pool, process);
    return done;
}

/* What the voice does not have is skipped, as Piper itself does. */
static void tell_unknown(const struct piper_found *found, const struct piper_phonemes *phonemes)
{
    char character[7] = "";
    if (phonemes->unknown == 0)
        return;
    g_unichar_to_utf8(phonemes->unknown_one, character);
    dub_log_debug("piper: %s does not have %u of the phonemes, \"%s\" among them", found->name,
                  phonemes->unknown, character);
}

/* NULL, error: the text has none that the voice could say. */
static GPtrArray *sentences_of(struct tts_engine *engine, const struct tts_request *request,
                               const struct piper_found *found, struct dub_error *error)
{
    struct piper_phonemes phonemes = {.voice = found->voice};
    bool done = true;
    if (found->voice->espeak_voice)
        done = ask_espeak(engine, request, &phonemes, error);
    else
        piper_phonemes_add_letters(&phonemes, request->text);
    GPtrArray *sentences = piper_phonemes_end(&phonemes);
    tell_unknown(found, &phonemes);
    if (done && !sentences)
        dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                            "%s knows nothing of what is in the text", found->name);
    if (!done)
        g_clear_pointer(&sentences, g_ptr_array_unref);
    return sentences;
}

/* A helper process that has died takes one attempt with it. */
static GPtrArray *sentences_after_all(struct tts_engine *engine, const struct tts_request *request,
                                      const struct piper_found *found, struct dub_error *error)
{
    struct dub_error failure = {0};
    GPtrArray *sentences = sentences_of(engine, request, found, &failure);
    if (!sentences && failure.code == DUB_ERROR_MODEL_ERROR)
        sentences = sentences_of(engine, request, found, &failure);
    if (!sentences && error)
        *error = failure;
    return sentences;
}

static bool take_result(struct job *job, struct pcm *audio, struct dub_error *error)
{
    gsize count = 0;
    if (!job->base.succeeded) {
        if (error)
            *error = job->base.error;
        return false;
    }
    audio->samples = g_array_steal(job->samples, &count);
    audio->count = count;
    audio->rate_hz = job->role.found->voice->rate_hz;
    return true;
}

static struct engine_job *job_new(const struct piper_role *role, double rate, GPtrArray *take_sentences)
{
    struct job *job = g_new0(struct job, 1);
    job->role = *role;
    job->rate = rate;
    job->sentences = take_sentences;
    job->stop = piper_stop_new();
    job->samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    return &job->base;
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    g_autofree char *base = engine_language_base(request->language);
    struct piper_role role = piper_cast_find(engine->cast, request->voice, base);
    GPtrArray *sentences = sentences_after_all(engine, request, role.found, error);
    if (!sentences)
        return false;
    struct engine_job *job =
        job_queue_run(engine->queue, job_new(&role, request->rate, sentences), &request->call, error);
    if (!job)
        return false;
    bool succeeded = take_result((struct job *)job, audio, error);
    free_job(job);
    return succeeded;
}

const struct tts_engine_ops tts_piper = {
    .base =
        {
            .name = "piper",
            .summary = "Piper's neural voices by ONNX Runtime, offline, CPU or GPU",
            .max_concurrency = JOB_QUEUE_MAX_THREADS,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .voice_of = voice_of,
    .speak = speak,
};
