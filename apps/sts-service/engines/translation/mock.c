/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two engines without a translator: `identity` returns the source text and is also of use where only the
 * voice is to be replaced; `mock` returns the configured text, or the source marked with the pair ("[en-es]
 * good evening"). */
#include "engines.h"

struct translation_engine {
    char *text; /* NULL: derived from the source */
    int64_t delay_ns;
};

static struct translation_engine *create(const struct engine_config *config, struct dub_error *error)
{
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    engine->text = g_strdup(config->mock_text);
    engine->delay_ns = config->mock_delay_ns;
    return engine;
}

static void destroy(struct translation_engine *engine)
{
    g_free(engine->text);
    g_free(engine);
}

static void describe(const struct translation_engine *engine, struct engine_info *info)
{
    static const char *const any[] = {"*-*", NULL};
    info->model = g_strdup("none");
    info->languages = g_strdupv((char **)any);
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    return true;
}

static bool translate_identity(struct translation_engine *engine, const struct translation_request *request,
                               struct translation_result *result, struct dub_error *error)
{
    result->text = g_strdup(request->text);
    return true;
}

static bool translate_mock(struct translation_engine *engine, const struct translation_request *request,
                           struct translation_result *result, struct dub_error *error)
{
    if (!engine_call_sleep(&request->call, engine->delay_ns, DUB_STAGE_TRANSLATION, error))
        return false;
    result->text = engine->text ? g_strdup(engine->text)
                                : g_strdup_printf("[%s-%s] %s", request->source_language,
                                                  request->target_language, request->text);
    return true;
}

const struct translation_engine_ops translation_identity = {
    .name = "identity",
    .summary = "no translation: the text stays as it is",
    .max_concurrency = 64,
    .automatic = false,
    .create = create,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .translate = translate_identity,
};

const struct translation_engine_ops translation_mock = {
    .name = "mock",
    .summary = "for tests: a fixed text, or the source marked with the pair",
    .max_concurrency = 64,
    .automatic = false,
    .create = create,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .translate = translate_mock,
};
