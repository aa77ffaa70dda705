/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CMU PocketSphinx (5prealpha), the recogniser that the distribution brings.
 *
 * A decoder lives on a thread of its own and is warm from the start. Callers queue a job and wait for it; one
 * whose deadline passes or who is cancelled leaves at once, and the decoder drops the job at its next block
 * (its final passes cannot be interrupted, but nobody waits for them).
 *
 * Vocabularies of hints are loaded when a thread has nothing better to do, by one thread at a time, so that a
 * stream that brings some holds up nobody. Its own jobs wait for them a while and then go without. */
#include "../../audio/denoise.h"
#include "../../audio/loudness.h"
#include "../../audio/resample.h"
#include "../wait.h"
#include "sphinx_shelf.h"
#include "wishes.h"
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
    char *session_id;
    struct hints *hints; /* NULL: none */
    int64_t patience_ns; /* monotonic: until then it waits for its hints to be loaded */
    struct pcm audio;    /* the speech in it, at SPHINX_RATE_HZ */
    int64_t offset_ms;   /* of audio from the start of the fragment */
    struct asr_transcript transcript;
    struct dub_error error;
};

struct decoder_thread {
    struct asr_engine *engine;
    unsigned index;
    pthread_t thread;
    struct sphinx_shelf *shelf; /* the thread's own */
};

struct asr_engine {
    struct sphinx_model model;
    struct channel_means *means; /* has its own lock */
    struct decoder_thread threads[MAX_DECODERS];
    int thread_count;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    GQueue jobs;
    struct wishes *wishes;
    bool learning; /* one of the threads is loading hints */
    int loaded;
    int broken;
    struct dub_error load_error;
    bool quit;
};

static void job_free(struct job *job)
{
    if (!job)
        return;
    g_free(job->session_id);
    hints_free(job->hints);
    pcm_clear(&job->audio);
    asr_transcript_clear(&job->transcript);
    g_free(job);
}

/* What a decoder thread does next: one of both. */
struct work {
    struct job *job;
    struct hints *hints; /* to be loaded */
};

static bool may_take(const struct decoder_thread *own, const struct job *job, int64_t now_ns)
{
    return !job->hints || now_ns >= job->patience_ns ||
           !wishes_are_open(own->engine->wishes, job->hints, own->index);
}

/* Lock held. False: there is nothing, or only what is to wait. */
static bool find_work(const struct decoder_thread *own, struct work *work)
{
    struct asr_engine *engine = own->engine;
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    for (GList *link = engine->jobs.head; link; link = link->next) {
        if (!may_take(own, link->data, now_ns))
            continue;
        work->job = link->data;
        g_queue_delete_link(&engine->jobs, link);
        return true;
    }
    work->hints = engine->learning ? NULL : wishes_next(engine->wishes, own->index);
    engine->learning = engine->learning || work->hints;
    return work->hints;
}

/* Lock held. Jobs that wait for their hints have only so much patience. */
static void wait_for_change(struct asr_engine *engine)
{
    static const struct engine_call any_time = {0};
    if (g_queue_is_empty(&engine->jobs))
        pthread_cond_wait(&engine->changed, &engine->lock);
    else
        engine_wait_step(&engine->changed, &engine->lock, &any_time);
}

/* False: the engine is being destroyed. */
static bool take_work(const struct decoder_thread *own, struct work *work)
{
    struct asr_engine *engine = own->engine;
    *work = (struct work){0};
    pthread_mutex_lock(&engine->lock);
    while (!engine->quit && !find_work(own, work))
        wait_for_change(engine);
    bool going_on = !engine->quit;
    pthread_mutex_unlock(&engine->lock);
    return going_on;
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

static bool decode(const struct decoder_thread *own, struct job *job)
{
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    struct sphinx_decoder *decoder = sphinx_shelf_take(own->shelf, job->hints, now_ns);
    return sphinx_decoder_decode(decoder, &job->audio, own->engine->means, job->session_id, &job->abandoned,
                                 &job->transcript, &job->error);
}

static void learn(const struct decoder_thread *own, const struct hints *hints)
{
    struct asr_engine *engine = own->engine;
    sphinx_shelf_learn(own->shelf, hints, dub_clock_now_ns(dub_clock_monotonic()));
    pthread_mutex_lock(&engine->lock);
    wishes_settle(engine->wishes, hints, own->index);
    engine->learning = false;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

static bool may_learn(struct asr_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    bool free = !engine->learning;
    engine->learning = true;
    pthread_mutex_unlock(&engine->lock);
    return free;
}

/* Between two jobs a thread that never rests still learns what its jobs need, and what it had to forget. */
static void do_job(const struct decoder_thread *own, struct job *job)
{
    hints_auto hints = job->hints ? hints_ref(job->hints) : NULL;
    finish_job(own->engine, job, decode(own, job));
    if (hints && !sphinx_shelf_knows(own->shelf, hints) && may_learn(own->engine))
        learn(own, hints);
}

static void serve(const struct decoder_thread *own)
{
    struct work work;
    while (take_work(own, &work)) {
        if (work.job)
            do_job(own, work.job);
        else
            learn(own, work.hints);
        hints_free(work.hints);
    }
}

static void *decoder_main(void *user)
{
    struct decoder_thread *own = user;
    struct dub_error error = {0};
    pthread_setname_np(pthread_self(), "asr-decoder");
    own->shelf = sphinx_shelf_new(&own->engine->model, &error);
    report_load(own->engine, own->shelf != NULL, &error);
    if (own->shelf)
        serve(own);
    sphinx_shelf_free(own->shelf);
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
        pthread_join(engine->threads[i].thread, NULL);
    g_assert(g_queue_is_empty(&engine->jobs));
    wishes_free(engine->wishes);
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
        own->index = (unsigned)i;
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

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct sphinx_model model = {0};
    g_autofree char *directory = engine_model_path(config);
    if (!sphinx_model_find(&model, directory, error))
        return NULL;
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    engine->model = model;
    engine->means = channel_means_new();
    pthread_mutex_init(&engine->lock, NULL);
    engine_wait_init(&engine->changed);
    g_queue_init(&engine->jobs);
    engine->wishes = wishes_new();
    int wanted = config->workers > 0 ? config->workers : (int)g_get_num_processors();
    if (start_decoders(engine, MIN(wanted, MAX_DECODERS), error) && wait_for_the_first(engine, error))
        return engine;
    destroy(engine);
    return NULL;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct asr_engine *engine = data;
    const char *languages[] = {engine->model.language, NULL};
    info->model = g_strdup(engine->model.name);
    info->languages = g_strdupv((char **)languages);
}

static bool supports(const struct asr_engine *engine, const char *language)
{
    return strcmp(language, engine->model.language) == 0;
}

/* Half of its time is for being recognised, and it may have to wait for a thread. */
static int64_t patience_of(const struct engine_call *call)
{
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    return call->deadline_ns > 0 ? now_ns + (call->deadline_ns - now_ns) / 4 : INT64_MAX;
}

static struct job *job_new(const struct asr_request *request, struct loudness_span span,
                           struct dub_error *error)
{
    struct job *job = g_new0(struct job, 1);
    struct pcm speech = *request->audio;
    speech.samples += span.first;
    speech.count = span.count;
    job->session_id = g_strdup(request->call.session_id);
    job->hints = hints_parse(request->hints);
    job->patience_ns = patience_of(&request->call);
    job->offset_ms = (int64_t)span.first * 1000 / speech.rate_hz;
    if (!pcm_resample(&speech, SPHINX_RATE_HZ, &job->audio, error)) {
        job_free(job);
        return NULL;
    }
    pcm_denoise(&job->audio);
    return job;
}

/* Queues the job, which it takes, and gives it back when done. NULL: the caller does not wait any longer; the
 * job was taken back from the queue, or it is its decoder's to free. */
static struct job *wait_for(struct asr_engine *engine, struct job *job, const struct engine_call *call,
                            struct dub_error *error)
{
    pthread_mutex_lock(&engine->lock);
    if (job->hints)
        wishes_add(engine->wishes, job->hints);
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

static void prepare(struct asr_engine *engine, const char *const *words)
{
    hints_auto hints = hints_parse(words);
    if (!hints)
        return;
    pthread_mutex_lock(&engine->lock);
    wishes_add(engine->wishes, hints);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

static void forget(struct asr_engine *engine, const char *session_id)
{
    channel_means_forget(engine->means, session_id);
}

const struct asr_engine_ops asr_pocketsphinx = {
    .base =
        {
            .name = "pocketsphinx",
            .summary = "CMU PocketSphinx with the distribution's English model, offline, CPU",
            .max_concurrency = MAX_DECODERS,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .prepare = prepare,
    .forget = forget,
    .transcribe = transcribe,
};
