/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CMU PocketSphinx (5prealpha), the recogniser that the distribution brings.
 *
 * A decoder lives on a thread of its own (../job_queue.h) and is warm from the start. A job that nobody waits
 * for any more is dropped at its next block (the final passes cannot be interrupted).
 *
 * Vocabularies of hints are loaded when a thread has nothing better to do, by one thread at a time, so that a
 * stream that brings some holds up nobody. Its own jobs wait for them a while and then go without. */
#include "../../audio/denoise.h"
#include "engines.h"
#include "speech_job.h"
#include "sphinx_shelf.h"
#include "wishes.h"
#include <pthread.h>
#include <string.h>

struct job {
    struct speech_job speech; /* at SPHINX_RATE_HZ */
    char *session_id;
    struct hints *hints; /* NULL: none */
    int64_t patience_ns; /* monotonic: until then it waits for its hints to be loaded */
};

/* A thread's own; the queue's worker. */
struct decoder_thread {
    struct asr_engine *engine;
    unsigned index;
    struct sphinx_shelf *shelf;
    struct hints *missed; /* by the job before; NULL: none */
    struct hints *next;   /* to be loaded; NULL: none */
};

struct asr_engine {
    struct sphinx_model model;
    struct channel_means *means; /* has its own lock */
    struct decoder_thread threads[JOB_QUEUE_MAX_THREADS];
    struct job_queue *queue;
    pthread_mutex_t lock; /* guards what follows; taken under the queue's */
    struct wishes *wishes;
    bool learning; /* one of the threads is loading hints */
};

static void free_job(struct engine_job *base)
{
    struct job *job = (struct job *)base;
    if (!job)
        return;
    speech_job_clear(&job->speech);
    g_free(job->session_id);
    hints_free(job->hints);
    g_free(job);
}

static bool begin(void *data, struct dub_error *error)
{
    struct decoder_thread *own = data;
    own->shelf = sphinx_shelf_new(&own->engine->model, error);
    return own->shelf != NULL;
}

static void end(void *data)
{
    struct decoder_thread *own = data;
    sphinx_shelf_free(own->shelf);
    hints_free(own->missed);
}

/* Engine's lock held, here and below. */
static bool may_take(const struct decoder_thread *own, const struct job *job, int64_t now_ns)
{
    return !job->hints || now_ns >= job->patience_ns ||
           !wishes_are_open(own->engine->wishes, job->hints, own->index);
}

static struct engine_job *find_job(const struct decoder_thread *own, const GQueue *jobs)
{
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    for (const GList *link = jobs->head; link; link = link->next)
        if (may_take(own, link->data, now_ns))
            return link->data;
    return NULL;
}

/* Between two jobs a thread that never rests still learns what its jobs need, and what it had to forget. */
static struct hints *take_missed(struct decoder_thread *own)
{
    hints_auto missed = g_steal_pointer(&own->missed);
    if (!missed || own->engine->learning || sphinx_shelf_knows(own->shelf, missed))
        return NULL;
    return g_steal_pointer(&missed);
}

static struct hints *find_wish(const struct decoder_thread *own)
{
    return own->engine->learning ? NULL : wishes_next(own->engine->wishes, own->index);
}

static bool choose(void *data, const GQueue *jobs, struct engine_job **job)
{
    struct decoder_thread *own = data;
    pthread_mutex_lock(&own->engine->lock);
    own->next = take_missed(own);
    *job = own->next ? NULL : find_job(own, jobs);
    if (!own->next && !*job)
        own->next = find_wish(own);
    own->engine->learning = own->engine->learning || own->next;
    pthread_mutex_unlock(&own->engine->lock);
    return own->next || *job;
}

static bool run(void *data, struct engine_job *base)
{
    struct decoder_thread *own = data;
    struct job *job = (struct job *)base;
    int64_t now_ns = dub_clock_now_ns(dub_clock_monotonic());
    struct sphinx_decoder *decoder = sphinx_shelf_take(own->shelf, job->hints, now_ns);
    own->missed = job->hints ? hints_ref(job->hints) : NULL;
    return sphinx_decoder_decode(decoder, &job->speech.audio, own->engine->means, job->session_id,
                                 &base->abandoned, &job->speech.transcript, &base->error);
}

static void learn(void *data)
{
    struct decoder_thread *own = data;
    struct asr_engine *engine = own->engine;
    hints_auto hints = g_steal_pointer(&own->next);
    sphinx_shelf_learn(own->shelf, hints, dub_clock_now_ns(dub_clock_monotonic()));
    pthread_mutex_lock(&engine->lock);
    wishes_settle(engine->wishes, hints, own->index);
    engine->learning = false;
    pthread_mutex_unlock(&engine->lock);
    job_queue_wake(engine->queue);
}

static const struct job_queue_ops queue_ops = {.thread_name = "asr-decoder",
                                               .stage = DUB_STAGE_ASR,
                                               .run = run,
                                               .free_job = free_job,
                                               .begin = begin,
                                               .end = end,
                                               .choose = choose,
                                               .aside = learn};

static void destroy(void *data)
{
    struct asr_engine *engine = data;
    job_queue_free(engine->queue);
    wishes_free(engine->wishes);
    pthread_mutex_destroy(&engine->lock);
    channel_means_free(engine->means);
    sphinx_model_clear(&engine->model);
    g_free(engine);
}

static void start_decoders(struct asr_engine *engine, int count)
{
    void *workers[JOB_QUEUE_MAX_THREADS];
    for (int i = 0; i < count; i++) {
        engine->threads[i] = (struct decoder_thread){.engine = engine, .index = (unsigned)i};
        workers[i] = &engine->threads[i];
    }
    engine->queue = job_queue_new(&queue_ops, workers, count);
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct sphinx_model model = {0};
    g_autofree char *directory = engine_model_path(config);
    if (!sphinx_model_find(&model, directory, error))
        return NULL;
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    int wanted = config->workers > 0 ? config->workers : (int)g_get_num_processors();
    engine->model = model;
    engine->means = channel_means_new();
    engine->wishes = wishes_new();
    pthread_mutex_init(&engine->lock, NULL);
    start_decoders(engine, MIN(wanted, JOB_QUEUE_MAX_THREADS));
    if (job_queue_wait_begun(engine->queue, error))
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
    if (!speech_job_cut(&job->speech, request, span, SPHINX_RATE_HZ, error)) {
        free_job(&job->speech.base);
        return NULL;
    }
    job->session_id = g_strdup(request->call.session_id);
    job->hints = hints_parse(request->hints);
    job->patience_ns = patience_of(&request->call);
    pcm_denoise(&job->speech.audio);
    return job;
}

static void wish_for(struct asr_engine *engine, struct hints *hints)
{
    pthread_mutex_lock(&engine->lock);
    wishes_add(engine->wishes, hints);
    pthread_mutex_unlock(&engine->lock);
}

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    struct loudness_span span;
    if (!speech_find(request, &span, transcript))
        return true;
    struct job *job = job_new(request, span, error);
    if (!job)
        return false;
    if (job->hints)
        wish_for(engine, job->hints);
    job = (struct job *)job_queue_run(engine->queue, &job->speech.base, &request->call, error);
    bool succeeded = job != NULL && speech_job_result(&job->speech, transcript, error);
    free_job((struct engine_job *)job);
    return succeeded;
}

static void prepare(struct asr_engine *engine, const char *const *words)
{
    hints_auto hints = hints_parse(words);
    if (!hints)
        return;
    wish_for(engine, hints);
    job_queue_wake(engine->queue);
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
            .max_concurrency = JOB_QUEUE_MAX_THREADS,
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
