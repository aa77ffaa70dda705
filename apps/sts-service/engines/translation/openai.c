/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Translation by a chat model behind OpenAI's API or a server that speaks it: one phrase per question, as
 * little freedom as the API allows, a bound on the answer, and guards against a model that talks. */
#include "../http/openai.h"
#include "chat_guard.h"
#include "engines.h"
#include "openai_chat.h"

#include <dubbing_text.h>
#include <string.h>

#define DEFAULT_MODEL "gpt-4o-mini"
#define SHOWN_BYTES 100

struct translation_engine {
    struct openai openai; /* first: openai_engine_destroy() */
};

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct openai openai;
    if (!openai_init(&openai, config, DUB_STAGE_TRANSLATION, DEFAULT_MODEL, error))
        return NULL;
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    engine->openai = openai;
    return engine;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct translation_engine *engine = data;
    static const char *const any[] = {"*-*", NULL};
    info->model = g_strdup(engine->openai.model);
    info->languages = g_strdupv((char **)any);
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    return true;
}

static char *ask(struct translation_engine *engine, const struct translation_request *request,
                 struct dub_error *error)
{
    const struct openai_chat_question question = {
        .model = engine->openai.model,
        .text = request->text,
        .source = request->source_variant ? request->source_variant : request->source_language,
        .target = request->target_variant ? request->target_variant : request->target_language};
    char *text = openai_chat_ask(&question);
    g_autoptr(GBytes) asked = g_bytes_new_take(text, strlen(text));
    g_autoptr(GBytes) body = openai_ask(&engine->openai, "/chat/completions", "application/json", asked,
                                        "application/json", HTTP_TEXT_MAX_BYTES, &request->call, error);
    return body ? openai_chat_read(g_bytes_get_data(body, NULL), g_bytes_get_size(body), request->text, error)
                : NULL;
}

static bool translate(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error)
{
    g_autofree char *answer = ask(engine, request, error);
    const char *wrong =
        answer ? chat_guard(request->text, answer, request->source_language, request->target_language) : NULL;
    if (wrong)
        return dub_error_set_stage(error, DUB_ERROR_HALLUCINATION_SUSPECTED, DUB_STAGE_TRANSLATION,
                                   "openai has answered %s: \"%.*s\"", wrong,
                                   dub_text_cut(answer, SHOWN_BYTES), answer);
    result->text = g_steal_pointer(&answer);
    return result->text != NULL;
}

const struct translation_engine_ops translation_openai = {
    .base =
        {
            .name = "openai",
            .summary = "a chat model of OpenAI, or of a server that speaks its API (OPENAI_BASE_URL)",
            .max_concurrency = OPENAI_MAX_CONNECTIONS,
            .remote = true,
            .automatic = true,
            .create = create,
            .destroy = openai_engine_destroy,
            .describe = describe,
            .greet = openai_engine_greet,
        },
    .supports = supports,
    .translate = translate,
};
