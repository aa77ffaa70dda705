/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Apertium, rule-based translation from the distribution. Each pair is a pipeline of about ten small
 * programs; a pipeline is started at its first phrase and kept running, and answers in a few milliseconds. A
 * pair has up to MAX_CHAINS of them, one phrase at a time each; one that dies or hangs is thrown away and
 * replaced. */
#include "../wait.h"
#include "apertium_modes.h"
#include "apertium_phrases.h"
#include "apertium_source.h"
#include "apertium_text.h"
#include "engines.h"
#include "pipe_chain.h"
#include <dubbing_log.h>
#include <string.h>

#define DEFAULT_MODES_DIRECTORY "/usr/share/apertium/modes"
#define MAX_CHAINS 2
/* A phrase on which two fresh pipelines die is the phrase's fault. */
#define MAX_ATTEMPTS 2

struct pair {
    struct apertium_mode *mode; /* owned by the engine's modes */
    GQueue idle;                /* struct pipe_chain; under the engine's lock */
    int alive;                  /* idle ones and those in use */
};

struct translation_engine {
    GPtrArray *modes;
    struct pair *pairs; /* one per mode */
    struct apertium_phrases *phrases;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void destroy(void *data)
{
    struct translation_engine *engine = data;
    for (guint i = 0; i < engine->modes->len; i++)
        g_queue_clear_full(&engine->pairs[i].idle, (GDestroyNotify)pipe_chain_free);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->lock);
    g_free(engine->pairs);
    apertium_phrases_free(engine->phrases);
    g_ptr_array_unref(engine->modes);
    g_free(engine);
}

static bool check_programs(const GPtrArray *modes, struct dub_error *error)
{
    const struct apertium_mode *mode = modes->pdata[0];
    for (guint i = 0; i < mode->commands->len; i++) {
        char **command = mode->commands->pdata[i];
        g_autofree char *path = g_find_program_in_path(command[0]);
        if (!path)
            return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                                       "%s is not installed: install the package apertium", command[0]);
    }
    return true;
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    g_autofree char *configured = engine_model_path(config);
    const char *directory = configured ? configured : DEFAULT_MODES_DIRECTORY;
    g_autoptr(GPtrArray) modes = apertium_modes_read(directory);
    if (modes->len == 0) {
        dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                            "no language pair (*.mode) in %s: install a package such as apertium-eng-spa, or "
                            "set STS_TRANSLATION_MODEL to a folder of modes",
                            directory);
        return NULL;
    }
    if (!check_programs(modes, error))
        return NULL;
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    engine->modes = g_steal_pointer(&modes);
    engine->phrases = apertium_phrases_new();
    engine->pairs = g_new0(struct pair, engine->modes->len);
    for (guint i = 0; i < engine->modes->len; i++)
        engine->pairs[i].mode = engine->modes->pdata[i];
    pthread_mutex_init(&engine->lock, NULL);
    engine_wait_init(&engine->changed);
    return engine;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct translation_engine *engine = data;
    g_autoptr(GStrvBuilder) pairs = g_strv_builder_new();
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < engine->modes->len; i++) {
        const struct apertium_mode *mode = engine->modes->pdata[i];
        g_autofree char *pair = g_strdup_printf("%s-%s", mode->source, mode->target);
        if (g_hash_table_add(seen, g_strdup(pair)))
            g_strv_builder_add(pairs, pair);
        g_string_append_printf(names, "%s%s", i > 0 ? " " : "", mode->name);
    }
    info->languages = g_strv_builder_end(pairs);
    info->model = g_strdup(names->str);
    info->models = g_strsplit(names->str, " ", -1);
}

static struct pair *find_pair(const struct translation_engine *engine, const char *source, const char *target)
{
    int index = apertium_modes_find(engine->modes, source, target);
    return index < 0 ? NULL : &engine->pairs[index];
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    return find_pair(engine, source, target) != NULL;
}

static const char *model_of(const struct translation_engine *engine, const char *source, const char *target)
{
    const struct pair *pair = find_pair(engine, source, target);
    return pair ? pair->mode->name : NULL;
}

/* An idle chain, or the right to start one (*chain NULL). False: cancelled or too late. */
static bool reserve(struct translation_engine *engine, struct pair *pair, const struct engine_call *call,
                    struct pipe_chain **chain, struct dub_error *error)
{
    bool go_on = true;
    pthread_mutex_lock(&engine->lock);
    while (g_queue_is_empty(&pair->idle) && pair->alive >= MAX_CHAINS) {
        go_on = engine_call_go_on(call, DUB_STAGE_TRANSLATION, error);
        if (!go_on)
            break;
        engine_wait_step(&engine->changed, &engine->lock, call);
    }
    *chain = go_on ? g_queue_pop_head(&pair->idle) : NULL;
    if (go_on && !*chain)
        pair->alive++;
    pthread_mutex_unlock(&engine->lock);
    return go_on;
}

/* chain NULL: the one that was reserved is no more. */
static void give_back(struct translation_engine *engine, struct pair *pair, struct pipe_chain *chain)
{
    pthread_mutex_lock(&engine->lock);
    if (chain)
        g_queue_push_head(&pair->idle, chain);
    else
        pair->alive--;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

static bool ask_once(struct translation_engine *engine, struct pair *pair, const struct engine_call *call,
                     const char *stream, GString *answer, struct dub_error *error)
{
    struct pipe_chain *chain = NULL;
    if (!reserve(engine, pair, call, &chain, error))
        return false;
    GPtrArray *commands = pair->mode->commands;
    if (!chain)
        chain = pipe_chain_start((char **const *)commands->pdata, commands->len, error);
    bool done = chain && pipe_chain_ask(chain, stream, call, answer, error);
    if (!done) {
        pipe_chain_free(chain);
        chain = NULL;
    }
    give_back(engine, pair, chain);
    return done;
}

/* Once more where a pipeline has died, perhaps long before this phrase. */
static bool ask(struct translation_engine *engine, struct pair *pair, const struct engine_call *call,
                const char *text, GString *answer, struct dub_error *error)
{
    g_autofree char *stream = apertium_text_to_stream(text);
    struct dub_error failure = {0};
    for (int attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        g_string_truncate(answer, 0);
        if (ask_once(engine, pair, call, stream, answer, &failure))
            return true;
        if (failure.code != DUB_ERROR_UNAVAILABLE)
            break;
        dub_log_warn("apertium %s: %s", pair->mode->name, failure.message);
    }
    if (error)
        *error = failure;
    if (failure.code == DUB_ERROR_UNAVAILABLE)
        dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TRANSLATION, "apertium %s: %s",
                            pair->mode->name, failure.message);
    return false;
}

/* Asks for the text, and once more with its unknown words as names where there are any. *sent becomes the
 * text of the better answer. */
static bool ask_with_names(struct translation_engine *engine, struct pair *pair,
                           const struct engine_call *call, char **sent, GString *answer,
                           struct dub_error *error)
{
    if (!ask(engine, pair, call, *sent, answer, error))
        return false;
    g_autofree char *named = apertium_text_capitalise_unknown(answer->str, *sent);
    g_autoptr(GString) second = g_string_new(NULL);
    if (!named || !ask(engine, pair, call, named, second, NULL) ||
        apertium_text_count_unknown(second->str) >= apertium_text_count_unknown(answer->str))
        return true;
    g_string_assign(answer, second->str);
    g_free(*sent);
    *sent = g_steal_pointer(&named);
    return true;
}

/* Asks for the text with its phrases hidden, or as it is. *text NULL on success: something was lost on the
 * way. */
static bool ask_hidden(struct translation_engine *engine, struct pair *pair,
                       const struct translation_request *request, const struct apertium_hidden *hidden,
                       char **text, struct dub_error *error)
{
    g_autofree char *sent = g_strdup(hidden->text);
    g_autoptr(GString) stream = g_string_new(NULL);
    if (!ask_with_names(engine, pair, &request->call, &sent, stream, error))
        return false;
    g_autofree char *answer = apertium_text_from_stream(stream->str, request->text);
    *text = apertium_source_finish(answer, sent, &hidden->protection, request->text, request->source_language,
                                   request->target_language);
    return true;
}

/* As it is: nothing is hidden, so nothing can be lost. */
static bool ask_openly(struct translation_engine *engine, struct pair *pair,
                       const struct translation_request *request, char *sent, char **text,
                       struct dub_error *error)
{
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(struct protect_span));
    struct apertium_hidden open = {.spans = none};
    open.text = protect_text(&open.protection, sent, none);
    bool done = ask_hidden(engine, pair, request, &open, text, error);
    g_free(open.text);
    return done;
}

static bool translate(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error)
{
    struct pair *pair = find_pair(engine, request->source_variant, request->target_variant);
    if (!pair)
        return dub_error_set_stage(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_STAGE_TRANSLATION,
                                   "no such pair");
    struct apertium_hidden hidden;
    g_autofree char *sent = apertium_source_prepare(request->text, request->source_language);
    apertium_phrases_hide(engine->phrases, sent, request->source_language, request->target_language, &hidden);
    bool done = ask_hidden(engine, pair, request, &hidden, &result->text, error);
    apertium_hidden_clear(&hidden);
    if (!done || result->text)
        return done;
    return ask_openly(engine, pair, request, sent, &result->text, error);
}

const struct translation_engine_ops translation_apertium = {
    .base =
        {
            .name = "apertium",
            .summary = "Apertium, rule-based, the installed language pairs, offline, CPU",
            .max_concurrency = 8,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .model_of = model_of,
    .translate = translate,
};
