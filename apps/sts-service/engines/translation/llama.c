/* SPDX-License-Identifier: GPL-3.0-or-later */
/* llama.cpp: translation by models in GGUF files, encoder and decoder (MADLAD-400) or such that follow
 * instructions (TranslateGemma), on processors and GPUs.
 *
 * The model is loaded once. Each thread has a decoder of its own on it. A text is translated in pieces of
 * bounded length; each answer passes the guards against a model that talks (chat_guard.h). Callers queue a
 * job and wait for it; one whose deadline passes or who is cancelled leaves at once, and the decoder drops
 * the job at the next step of its computation. */
#include "../job_queue.h"
#include "chat_guard.h"
#include "chat_rules.h"
#include "engines.h"
#include "llama_decoder.h"
#include "llama_model_path.h"
#include "llama_pieces.h"

#include <dubbing_log.h>
#include <dubbing_text.h>
#include <string.h>

/* Said in six seconds it is half of that. */
#define PIECE_BYTES_MAX 300
#define SHOWN_BYTES 100

struct translation_engine {
    struct llama_weights *weights;
    const struct llama_family *family;
    char *name; /* of the model: its file's */
    void *workers[JOB_QUEUE_MAX_THREADS];
    struct job_queue *queue;
};

/* One of the queue's threads. */
struct worker {
    struct llama_decoder *decoder;
    const struct translation_engine *engine;
};

struct translation_job {
    struct engine_job base;
    char *text, *source, *target; /* source and target with their variants */
    char *source_base, *target_base;
    char *translated;
};

static void job_free(struct engine_job *base)
{
    struct translation_job *job = (struct translation_job *)base;
    if (!job)
        return;
    g_free(job->text);
    g_free(job->source);
    g_free(job->target);
    g_free(job->source_base);
    g_free(job->target_base);
    g_free(job->translated);
    g_free(job);
}

static char *ask(const struct worker *worker, const struct translation_job *job, const char *piece,
                 struct dub_error *error)
{
    const struct translation_engine *engine = worker->engine;
    const struct llama_facts *facts = llama_weights_facts(engine->weights);
    g_autofree char *plain = llama_weights_plain(engine->weights, piece);
    struct llama_prompt prompt;
    llama_prompt_init(&prompt, engine->family, facts, job->source, job->target, plain);
    struct llama_task task = {.system = prompt.system,
                              .user = prompt.user,
                              .text = plain,
                              .chat = facts->encodes ? NULL : llama_family_chat(engine->family, facts),
                              .preface = llama_family_preface(engine->family, facts),
                              .abandoned = &job->base.abandoned};
    char *answer = llama_decoder_run(worker->decoder, &task, error);
    llama_prompt_clear(&prompt);
    return answer ? chat_unquote(answer, piece) : NULL;
}

static char *translate_piece(const struct worker *worker, const struct translation_job *job,
                             const char *piece, struct dub_error *error)
{
    g_autofree char *answer = ask(worker, job, piece, error);
    const char *wrong = answer ? chat_guard(piece, answer, job->source_base, job->target_base) : NULL;
    if (!wrong)
        return g_steal_pointer(&answer);
    dub_error_set_stage(error, DUB_ERROR_HALLUCINATION_SUSPECTED, DUB_STAGE_TRANSLATION,
                        "llama has answered %s: \"%.*s\"", wrong, dub_text_cut(answer, SHOWN_BYTES), answer);
    return NULL;
}

static bool run(void *user, struct engine_job *base)
{
    const struct worker *worker = user;
    struct translation_job *job = (struct translation_job *)base;
    bool one_sentence = llama_weights_facts(worker->engine->weights)->encodes;
    g_auto(GStrv) pieces = llama_pieces(job->text, PIECE_BYTES_MAX, one_sentence);
    g_auto(GStrv) translated = g_new0(char *, g_strv_length(pieces) + 1);
    for (guint i = 0; pieces[i]; i++) {
        translated[i] = translate_piece(worker, job, pieces[i], &base->error);
        if (!translated[i])
            return false;
    }
    job->translated = llama_pieces_join(translated);
    return true;
}

static const struct job_queue_ops queue_ops = {
    .thread_name = "translate-llama",
    .stage = DUB_STAGE_TRANSLATION,
    .run = run,
    .free_job = job_free,
};

static void destroy(void *data)
{
    struct translation_engine *engine = data;
    job_queue_free(engine->queue);
    for (int i = 0; i < JOB_QUEUE_MAX_THREADS; i++) {
        struct worker *worker = engine->workers[i];
        llama_decoder_free(worker ? worker->decoder : NULL);
        g_free(worker);
    }
    llama_weights_free(engine->weights);
    g_free(engine->name);
    g_free(engine);
}

/* What it is asked for in, and whether that can be written. */
static bool choose_family(struct translation_engine *engine, const char *path, struct dub_error *error)
{
    const struct llama_facts *facts = llama_weights_facts(engine->weights);
    engine->family = llama_family_of(facts);
    if (!engine->family)
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                                   "%s has an encoder, but neither tags of languages (MADLAD-400) nor T5's "
                                   "name: set STS_TRANSLATION_MODEL to a model for translation",
                                   path);
    const char *chat = facts->encodes ? NULL : llama_family_chat(engine->family, facts);
    if (chat && !llama_weights_can_chat(chat))
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                                   "%s has a chat template that llama.cpp cannot write: set "
                                   "STS_TRANSLATION_MODEL to another model",
                                   path);
    return true;
}

/* All decoders first: what there is no memory for is said at the start. */
static bool start_workers(struct translation_engine *engine, int count, struct dub_error *error)
{
    for (int i = 0; i < count; i++) {
        struct worker *worker = g_new0(struct worker, 1);
        engine->workers[i] = worker;
        worker->engine = engine;
        worker->decoder = llama_decoder_new(engine->weights, error);
        if (!worker->decoder)
            return false;
    }
    engine->queue = job_queue_new(&queue_ops, engine->workers, count);
    return true;
}

static void say_ready(const struct translation_engine *engine, const char *path, int workers)
{
    const char *gpu = llama_weights_gpu(engine->weights);
    dub_log_info("llama: %s on %s, %d at a time, asked as %s", path, gpu ? gpu : "the processor", workers,
                 llama_family_name(engine->family));
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    int cores = (int)g_get_num_processors();
    int workers = CLAMP(config->workers > 0 ? config->workers : cores, 1, JOB_QUEUE_MAX_THREADS);
    g_autofree char *path = llama_model_path(config, error);
    struct llama_weights *weights =
        path ? llama_weights_load(path, config->device, MAX(cores / workers, 1), error) : NULL;
    if (!weights)
        return NULL;
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    engine->weights = weights;
    engine->name = g_path_get_basename(path);
    if (choose_family(engine, path, error) && start_workers(engine, workers, error)) {
        say_ready(engine, path, workers);
        return engine;
    }
    destroy(engine);
    return NULL;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct translation_engine *engine = data;
    info->model = g_strdup(engine->name);
    info->device = llama_weights_gpu(engine->weights) ? "cuda" : NULL;
    info->languages = llama_family_pairs(engine->family, llama_weights_facts(engine->weights));
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    return llama_family_supports(engine->family, llama_weights_facts(engine->weights), source, target);
}

static struct engine_job *job_new(const struct translation_request *request)
{
    struct translation_job *job = g_new0(struct translation_job, 1);
    job->text = g_strdup(request->text);
    job->source = g_strdup(request->source_variant ? request->source_variant : request->source_language);
    job->target = g_strdup(request->target_variant ? request->target_variant : request->target_language);
    job->source_base = g_strdup(request->source_language);
    job->target_base = g_strdup(request->target_language);
    return &job->base;
}

static bool translate(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error)
{
    struct engine_job *base = job_queue_run(engine->queue, job_new(request), &request->call, error);
    struct translation_job *job = (struct translation_job *)base;
    if (!job)
        return false;
    bool succeeded = base->succeeded;
    if (succeeded)
        result->text = g_steal_pointer(&job->translated);
    else if (error)
        *error = base->error;
    job_free(base);
    return succeeded;
}

const struct translation_engine_ops translation_llama = {
    .base = {.name = "llama",
             .summary = "models for translation by llama.cpp, offline, CPU or GPU",
             .max_concurrency = JOB_QUEUE_MAX_THREADS,
             .automatic = true,
             .create = create,
             .destroy = destroy,
             .describe = describe},
    .supports = supports,
    .translate = translate,
};
