/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "translation.h"

#include "../../text/guard.h"
#include "../../text/prepare.h"
#include "engines.h"
#include "protect.h"
#include <dubbing_log.h>
#include <string.h>

const struct engine_ops *const translation_engines[] = {
    &translation_openai.base,   &translation_deepl.base,    &translation_libretranslate.base,
#ifdef HAVE_LLAMA
    &translation_llama.base,
#endif
    &translation_apertium.base, &translation_identity.base, &translation_mock.base,           NULL};

static const struct engine_stage stage = {
    .stage = DUB_STAGE_TRANSLATION, .engines = translation_engines, .chain = &translation_chain.base};

struct translation {
    struct engine_opened opened;
    const struct glossary *glossary; /* of the configuration; may be NULL */
};

const struct translation_engine_ops *translation_link_ops(const struct engine_link *link)
{
    return (const struct translation_engine_ops *)link->ops;
}

void translation_result_clear(struct translation_result *result)
{
    g_free(result->text);
    *result = (struct translation_result){0};
}

struct translation *translation_open(const char *name, const struct engine_config *config,
                                     struct dub_error *error)
{
    struct engine_opened opened;
    if (!engine_open(&opened, &stage, name, config, error))
        return NULL;
    struct translation *translation = g_new0(struct translation, 1);
    translation->opened = opened;
    translation->glossary = config->glossary;
    return translation;
}

void translation_close(struct translation *translation)
{
    if (!translation)
        return;
    engine_close(&translation->opened);
    g_free(translation);
}

void translation_describe(const struct translation *translation, struct engine_info *info)
{
    engine_link_describe(&translation->opened.link, info);
}

int translation_max_concurrency(const struct translation *translation)
{
    return translation->opened.max_concurrency;
}

char *translation_link_used(const struct engine_link *link, const char *source, const char *target)
{
    const struct translation_engine_ops *ops = translation_link_ops(link);
    return engine_link_used(link, ops->model_of ? ops->model_of(link->engine, source, target) : NULL);
}

char *translation_used(const struct translation *translation, const char *source, const char *target)
{
    g_autofree char *from = engine_language_base(source);
    g_autofree char *to = engine_language_base(target);
    if (g_strcmp0(from, to) == 0)
        return g_strdup("none");
    return translation_link_used(&translation->opened.link, source, target);
}

bool translation_link_ask(const struct engine_link *link, const struct translation_request *request,
                          struct translation_result *result, struct dub_error *error)
{
    if (!engine_link_greeted(link, &request->call))
        return translation_link_ops(link)->translate(link->engine, request, result, error);
    result->text = g_strdup(request->text);
    return true;
}

static bool refuse_pair(const struct translation *translation, const char *source, const char *target,
                        struct dub_error *error)
{
    struct engine_info info = {0};
    translation_describe(translation, &info);
    g_autofree char *pairs = g_strjoinv(", ", info.languages);
    dub_error_set_stage(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_STAGE_TRANSLATION,
                        "%s does not translate from \"%s\" to \"%s\"; supported: %s",
                        translation->opened.link.ops->name, source ? source : "", target ? target : "",
                        pairs);
    engine_info_clear(&info);
    return false;
}

bool translation_check_pair(const struct translation *translation, const char *source, const char *target,
                            struct dub_error *error)
{
    const struct engine_link *link = &translation->opened.link;
    g_autofree char *from = engine_language_base(source);
    g_autofree char *to = engine_language_base(target);
    if (!from || !to)
        return refuse_pair(translation, source, target, error);
    if (strcmp(from, to) == 0 || translation_link_ops(link)->supports(link->engine, from, to))
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
    if (!translation_link_ask(&translation->opened.link, &asked, result, error))
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
        return translation_link_ask(&translation->opened.link, request, result, error);
    struct translation_request composed = *request;
    composed.text = text;
    bool lost = false;
    if (!ask_protected(translation, &composed, spans, result, &lost, error))
        return false;
    if (!lost)
        return true;
    dub_log_info("%s has lost a term of the glossary; its plain translation is used",
                 translation->opened.link.ops->name);
    return translation_link_ask(&translation->opened.link, request, result, error);
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
