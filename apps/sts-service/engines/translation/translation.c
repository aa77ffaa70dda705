/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "translation.h"

#include "../../text/guard.h"
#include "../../text/prepare.h"
#include "../chain.h"
#include "../choice.h"
#include "engines.h"
#include "protect.h"
#include <dubbing_log.h>
#include <string.h>

const struct translation_engine_ops *const translation_engines[] = {&translation_openai,
                                                                    &translation_deepl,
                                                                    &translation_libretranslate,
                                                                    &translation_apertium,
                                                                    &translation_identity,
                                                                    &translation_mock,
                                                                    NULL};

struct translation {
    const struct translation_engine_ops *ops;
    struct translation_engine *engine;
    const struct glossary *glossary; /* of the configuration; may be NULL */
    int max_concurrency;
};

void translation_result_clear(struct translation_result *result)
{
    g_free(result->text);
    *result = (struct translation_result){0};
}

static struct translation *wrap(const struct translation_link *link, int max_concurrency,
                                const struct engine_config *config)
{
    struct translation *translation = g_new0(struct translation, 1);
    int wanted = config->workers > 0 ? config->workers : (int)g_get_num_processors();
    translation->ops = link->ops;
    translation->engine = link->engine;
    translation->glossary = config->glossary;
    translation->max_concurrency = CLAMP(wanted, 1, max_concurrency);
    return translation;
}

/* Takes the links, of which there is at least one. */
static struct translation *wrap_all(const struct translation_link *links, unsigned count,
                                    const struct engine_config *config)
{
    struct translation_link whole = links[0];
    int max_concurrency = links[0].ops->max_concurrency;
    for (unsigned i = 1; i < count; i++)
        max_concurrency = MIN(max_concurrency, links[i].ops->max_concurrency);
    if (count > 1)
        whole = (struct translation_link){&translation_chain, translation_chain_new(links, count, config)};
    return wrap(&whole, max_concurrency, config);
}

/* How many have been created: one by its name; by "auto" the best, and behind those that ask somebody over
 * the network the best that does not. 0: none, error says why. */
static unsigned create(const char *name, const struct engine_config *config, struct translation_link *links,
                       struct dub_error *error)
{
    struct engine_choice choice = engine_choice_on(DUB_STAGE_TRANSLATION, name);
    unsigned count = 0;
    for (const struct translation_engine_ops *const *ops = translation_engines;
         *ops && count < CHAIN_MAX_LINKS; ops++) {
        if (!engine_choice_wants(&choice, (*ops)->name, (*ops)->automatic))
            continue;
        struct translation_engine *engine = (*ops)->create(config, &choice.error);
        if (!engine) {
            engine_choice_failed(&choice, (*ops)->name);
            continue;
        }
        links[count++] = (struct translation_link){*ops, engine};
        if (choice.wanted || !(*ops)->remote)
            return count;
    }
    if (count == 0)
        engine_choice_give_up(&choice, error);
    return count;
}

static struct translation *open_chain(const char *name, const struct engine_config *config,
                                      struct dub_error *error)
{
    struct translation_link links[CHAIN_MAX_LINKS];
    struct chain_names names;
    unsigned count = 0;
    if (!chain_names_read(&names, name, config->model, DUB_STAGE_TRANSLATION, error))
        return NULL;
    for (struct engine_config own = *config; count < names.count; count++) {
        own.model = names.model[count];
        if (create(names.name[count], &own, &links[count], error) == 0)
            break;
    }
    bool whole = count > 0 && count == names.count;
    while (!whole && count > 0) {
        count--;
        links[count].ops->destroy(links[count].engine);
    }
    chain_names_clear(&names);
    return whole ? wrap_all(links, count, config) : NULL;
}

struct translation *translation_open(const char *name, const struct engine_config *config,
                                     struct dub_error *error)
{
    struct translation_link links[CHAIN_MAX_LINKS];
    if (chain_is_named(name))
        return open_chain(name, config, error);
    unsigned count = create(name, config, links, error);
    return count > 0 ? wrap_all(links, count, config) : NULL;
}

void translation_close(struct translation *translation)
{
    if (!translation)
        return;
    translation->ops->destroy(translation->engine);
    g_free(translation);
}

void translation_describe(const struct translation *translation, struct engine_info *info)
{
    *info = (struct engine_info){.name = translation->ops->name, .summary = translation->ops->summary};
    translation->ops->describe(translation->engine, info);
}

int translation_max_concurrency(const struct translation *translation)
{
    return translation->max_concurrency;
}

char *translation_link_used(const struct translation_link *link, const char *source, const char *target)
{
    const char *model = link->ops->model_of ? link->ops->model_of(link->engine, source, target) : NULL;
    if (model)
        return engine_used(link->ops->name, model);
    struct engine_info info = {.name = link->ops->name};
    link->ops->describe(link->engine, &info);
    char *used = engine_used(info.name, info.model);
    engine_info_clear(&info);
    return used;
}

char *translation_used(const struct translation *translation, const char *source, const char *target)
{
    g_autofree char *from = engine_language_base(source);
    g_autofree char *to = engine_language_base(target);
    const struct translation_link link = {translation->ops, translation->engine};
    if (g_strcmp0(from, to) == 0)
        return g_strdup("none");
    return translation_link_used(&link, source, target);
}

static bool refuse_pair(const struct translation *translation, const char *source, const char *target,
                        struct dub_error *error)
{
    struct engine_info info = {0};
    translation_describe(translation, &info);
    g_autofree char *pairs = g_strjoinv(", ", info.languages);
    dub_error_set_stage(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_STAGE_TRANSLATION,
                        "%s does not translate from \"%s\" to \"%s\"; supported: %s", translation->ops->name,
                        source ? source : "", target ? target : "", pairs);
    engine_info_clear(&info);
    return false;
}

bool translation_check_pair(const struct translation *translation, const char *source, const char *target,
                            struct dub_error *error)
{
    g_autofree char *from = engine_language_base(source);
    g_autofree char *to = engine_language_base(target);
    if (!from || !to)
        return refuse_pair(translation, source, target, error);
    if (strcmp(from, to) == 0 || translation->ops->supports(translation->engine, from, to))
        return true;
    return refuse_pair(translation, source, target, error);
}

/* With the glossaries' terms hidden from the engine. *lost: it has dropped one of them. */
static bool ask_protected(struct translation *translation, const struct translation_request *request,
                          const GArray *spans, struct translation_result *result, bool *lost,
                          struct dub_error *error)
{
    struct protection protection;
    g_autofree char *hidden = protect_text(&protection, request->text, spans);
    struct translation_request asked = *request;
    asked.text = hidden;
    if (strlen(hidden) > TRANSLATION_MAX_BYTES) {
        *lost = true;
        return true;
    }
    if (!translation->ops->translate(translation->engine, &asked, result, error))
        return false;
    g_autofree char *raw = g_steal_pointer(&result->text);
    result->text = protect_restore(&protection, raw ? raw : "");
    *lost = !result->text;
    return true;
}

static bool ask_with_glossary(struct translation *translation, const struct translation_request *request,
                              struct translation_result *result, struct dub_error *error)
{
    g_autofree char *text = g_utf8_normalize(request->text, -1, G_NORMALIZE_NFC);
    g_autoptr(GArray) spans = text ? glossary_find(request->glossary, translation->glossary,
                                                   request->source_language, request->target_language, text)
                                   : NULL;
    if (!spans || spans->len == 0)
        return translation->ops->translate(translation->engine, request, result, error);
    struct translation_request composed = *request;
    composed.text = text;
    bool lost = false;
    if (!ask_protected(translation, &composed, spans, result, &lost, error))
        return false;
    if (!lost)
        return true;
    dub_log_info("%s has lost a term of the glossary; its plain translation is used", translation->ops->name);
    return translation->ops->translate(translation->engine, request, result, error);
}

/* The engine sees base codes, whatever variant the caller speaks of. */
static bool ask_engine(struct translation *translation, const struct translation_request *request,
                       struct translation_result *result, struct dub_error *error)
{
    g_autofree char *from = engine_language_base(request->source_language);
    g_autofree char *to = engine_language_base(request->target_language);
    struct translation_request plain = *request;
    plain.source_language = from;
    plain.target_language = to;
    plain.source_variant = request->source_language;
    plain.target_variant = request->target_language;
    if (strcmp(from, to) == 0 || !guard_has_letters(request->text)) {
        result->text = text_tidy(request->text);
        return true;
    }
    if (!ask_with_glossary(translation, &plain, result, error))
        return false;
    g_autofree char *raw = g_steal_pointer(&result->text);
    result->text = text_tidy(raw ? raw : "");
    return true;
}

bool translation_translate(struct translation *translation, const struct translation_request *request,
                           struct translation_result *result, struct dub_error *error)
{
    translation_result_clear(result);
    if (!translation_check_pair(translation, request->source_language, request->target_language, error))
        return false;
    if (!request->text || strlen(request->text) > TRANSLATION_MAX_BYTES)
        return dub_error_set_stage(error, DUB_ERROR_TRANSLATION_FAILED, DUB_STAGE_TRANSLATION,
                                   "the text is %s", request->text ? "longer than 16 KiB" : "missing");
    if (!engine_call_go_on(&request->call, DUB_STAGE_TRANSLATION, error))
        return false;
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    bool done = ask_engine(translation, request, result, error);
    result->took_ms = (double)(dub_clock_now_ns(dub_clock_monotonic()) - start_ns) / (double)DUB_NS_PER_MS;
    return done;
}
