/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CMU PocketSphinx (5prealpha), the recogniser that the distribution brings.
 *
 * A decoder lives on a thread of its own and is warm from the start. Callers queue a job and wait for it; one
 * whose deadline passes or who is cancelled leaves at once, and the decoder drops the job at its next block
 * (its final passes cannot be interrupted, but nobody waits for them). */
#include "../../audio/loudness.h"
#include "../../audio/resample.h"
#include "../wait.h"
#include "sphinx_shelf.h"
#include <string.h>

#define MAX_DECODERS 16
/* Silence left around the speech: the model was trained with a little, more of it spoils the cepstral mean.
 */
#define MARGIN_MS 200

/* The caller's, until it gives up on a job that a decoder is at: then the decoder frees it. */
struct job {
    int abandoned; /* atomic, set under the engine's lock */
    bool done;     /* under the engine's lock. What follows is the decoder's before, the caller's after */
    bool succeeded;
    char *stream_id;
    struct hints *hints; /* NULL: none */
    struct pcm audio;    /* the speech in it, at SPHINX_RATE_HZ */
    int64_t offset_ms;   /* of audio from the start of the fragment */
    struct asr_transcript transcript;
    struct dub_error error;
};

struct decoder_thread {
    struct asr_engine *engine;
    pthread_t thread;
};

struct asr_engine {
    struct sphinx_model model;
    struct channel_means *means; /* has its own lock */
    struct decoder_thread threads[MAX_DECODERS];
    int thread_count;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    GQueue jobs;
    int loaded;
    int broken;
    struct dub_error load_error;
    bool quit;
};

static void job_free(struct job *job)
{
    if (!job)
        return;
    g_free(job->stream_id);
    hints_free(job->hints);
    pcm_clear(&job->audio);
    asr_transcript_clear(&job->transcript);
    g_free(job);
}

static struct job *take_job(struct asr_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    while (g_queue_is_empty(&engine->jobs) && !engine->quit)
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

static void report_load(struct asr_engine *engine, bool loaded, const struct dub_error *error)
{
    pthread_mutex_lock(&engine->lock);
    if (loaded) {
        engine->loaded++;
    } else {
        engine->broken++;
        engine->load_error = *error;
    }
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

static bool decode(struct asr_engine *engine, struct sphinx_shelf *shelf, struct job *job)
{
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    struct sphinx_decoder *decoder = sphinx_shelf_take(shelf, job->hints, now_ns);
    return sphinx_decoder_decode(decoder, &job->audio, engine->means, job->stream_id, &job->abandoned,
                                 &job->transcript, &job->error);
}

static void *decoder_main(void *user)
{
    struct asr_engine *engine = ((struct decoder_thread *)user)->engine;
    struct dub_error error = {0};
    pthread_setname_np(pthread_self(), "asr-decoder");
    struct sphinx_shelf *shelf = sphinx_shelf_new(&engine->model, &error);
    report_load(engine, shelf != NULL, &error);
    struct job *job;
    while (shelf && (job = take_job(engine)))
        finish_job(engine, job, decode(engine, shelf, job));
    sphinx_shelf_free(shelf);
    return NULL;
}

static void destroy(struct asr_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->quit = true;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    for (int i = 0; i < engine->thread_count; i++)
        pthread_join(engine->threads[i].thread, NULL);
    g_assert(g_queue_is_empty(&engine->jobs));
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    channel_means_free(engine->means);
    sphinx_model_clear(&engine->model);
    g_free(engine);
}

static bool start_decoders(struct asr_engine *engine, int count, struct dub_error *error)
{
    for (int i = 0; i < count; i++) {
        struct decoder_thread *own = &engine->threads[i];
        own->engine = engine;
        int failure = pthread_create(&own->thread, NULL, decoder_main, own);
        if (failure != 0)
            return dub_error_set_errno(error, DUB_ERROR_UNAVAILABLE, failure, "starting a decoder thread");
        engine->thread_count++;
    }
    return true;
}

/* One loaded decoder is enough to begin with; one that fails means that the model is broken for all. */
static bool wait_for_the_first(struct asr_engine *engine, struct dub_error *error)
{
    pthread_mutex_lock(&engine->lock);
    while (engine->loaded == 0 && engine->broken == 0)
        pthread_cond_wait(&engine->changed, &engine->lock);
    bool usable = engine->broken == 0;
    if (!usable && error)
        *error = engine->load_error;
    pthread_mutex_unlock(&engine->lock);
    return usable;
}

static struct asr_engine *create(const struct engine_config *config, struct dub_error *error)
{
    struct sphinx_model model = {0};
    if (!sphinx_model_find(&model, config->model, error))
        return NULL;
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    engine->model = model;
    engine->means = channel_means_new();
    pthread_mutex_init(&engine->lock, NULL);
    engine_wait_init(&engine->changed);
    g_queue_init(&engine->jobs);
    int wanted = config->workers > 0 ? config->workers : (int)g_get_num_processors();
    if (start_decoders(engine, MIN(wanted, MAX_DECODERS), error) && wait_for_the_first(engine, error))
        return engine;
    destroy(engine);
    return NULL;
}

static void describe(const struct asr_engine *engine, struct engine_info *info)
{
    const char *languages[] = {engine->model.language, NULL};
    info->model = g_strdup(engine->model.name);
    info->languages = g_strdupv((char **)languages);
}

static bool supports(const struct asr_engine *engine, const char *language)
{
    return strcmp(language, engine->model.language) == 0;
}

static struct job *job_new(const struct asr_request *request, struct loudness_span span,
                           struct dub_error *error)
{
    struct job *job = g_new0(struct job, 1);
    struct pcm speech = *request->audio;
    speech.samples += span.first;
    speech.count = span.count;
    job->stream_id = g_strdup(request->call.stream_id);
    job->hints = hints_parse(request->hints);
    job->offset_ms = (int64_t)span.first * 1000 / speech.rate_hz;
    if (pcm_resample(&speech, SPHINX_RATE_HZ, &job->audio, error))
        return job;
    job_free(job);
    return NULL;
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

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    struct loudness_span span = loudness_find_speech(request->audio, MARGIN_MS);
    if (span.count == 0) {
        transcript->no_speech = true;
        transcript->confidence = 1.0;
        return true;
    }
    struct job *job = job_new(request, span, error);
    if (!job)
        return false;
    job = wait_for(engine, job, &request->call, error);
    bool succeeded = job != NULL && take_result(job, transcript, error);
    job_free(job);
    return succeeded;
}

const struct asr_engine_ops asr_pocketsphinx = {
    .name = "pocketsphinx",
    .summary = "CMU PocketSphinx with the distribution's English model, offline, CPU",
    .max_concurrency = MAX_DECODERS,
    .automatic = true,
    .create = create,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .transcribe = transcribe,
};
