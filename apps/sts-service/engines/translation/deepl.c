/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DeepL's API, version 2, free and pro. Asked at start which languages it has; a key that it refuses ends the
 * start, a DeepL that cannot be reached does not: any pair is then accepted, and its refusals are the
 * phrases' failures. */
#include "../http/client.h"
#include "deepl_answer.h"
#include "deepl_settings.h"
#include "engines.h"

#include <dubbing_json.h>
#include <dubbing_log.h>
#include <string.h>

#define MAX_CONNECTIONS 16
#define ASK_LANGUAGES_NS (3 * DUB_NS_PER_S)

struct translation_engine {
    struct http_client *client;
    struct deepl_settings settings;
    char *authorization;
    char *translate_url;
    GStrv sources, targets; /* NULL: not known */
};

static void destroy(void *data)
{
    struct translation_engine *engine = data;
    http_client_free(engine->client);
    deepl_settings_clear(&engine->settings);
    g_free(engine->authorization);
    g_free(engine->translate_url);
    g_strfreev(engine->sources);
    g_strfreev(engine->targets);
    g_free(engine);
}

static GBytes *ask(struct translation_engine *engine, const char *method, const char *url, GBytes *body,
                   const struct engine_call *call, struct dub_error *error)
{
    struct http_request request = {.method = method,
                                   .url = url,
                                   .headers = {{"Authorization", engine->authorization}},
                                   .content_type = "application/json",
                                   .body = body,
                                   .answer_type = "application/json",
                                   .max_bytes = HTTP_TEXT_MAX_BYTES};
    return http_client_ask(engine->client, &request, call, error);
}

static GStrv ask_languages(struct translation_engine *engine, const char *type, struct dub_error *error)
{
    g_autofree char *url = g_strdup_printf("%s/v2/languages?type=%s", engine->settings.base, type);
    struct engine_call call = {.deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + ASK_LANGUAGES_NS};
    g_autoptr(GBytes) body = ask(engine, "GET", url, NULL, &call, error);
    if (!body)
        return NULL;
    GStrv codes = deepl_read_languages(g_bytes_get_data(body, NULL), g_bytes_get_size(body));
    if (!codes)
        http_client_bad_answer(engine->client, "without languages: is DEEPL_URL right?", error);
    return codes;
}

static void forget_languages(struct translation_engine *engine)
{
    g_clear_pointer(&engine->sources, g_strfreev);
    g_clear_pointer(&engine->targets, g_strfreev);
}

/* False when DeepL refuses us. */
static bool learn_languages(struct translation_engine *engine, struct dub_error *error)
{
    struct dub_error problem = {0};
    engine->sources = ask_languages(engine, "source", &problem);
    if (engine->sources)
        engine->targets = ask_languages(engine, "target", &problem);
    if (engine->targets)
        return true;
    forget_languages(engine);
    if (!problem.retryable)
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION, "%s",
                                   problem.message);
    dub_log_warn("deepl does not say which languages it has, any is accepted: %s", problem.message);
    return true;
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct deepl_settings settings;
    if (!deepl_settings_read(&settings, config, error))
        return NULL;
    const char *key = config->providers->deepl_key;
    struct http_client_config client = {.engine = "deepl",
                                        .stage = DUB_STAGE_TRANSLATION,
                                        .secret = key,
                                        .secret_name = "DEEPL_AUTH_KEY",
                                        .max_connections = MAX_CONNECTIONS};
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    engine->settings = settings;
    engine->client = http_client_new(&client);
    engine->authorization = g_strdup_printf("DeepL-Auth-Key %s", key);
    engine->translate_url = g_strdup_printf("%s/v2/translate", settings.base);
    if (learn_languages(engine, error))
        return engine;
    destroy(engine);
    return NULL;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct translation_engine *engine = data;
    g_autoptr(GStrvBuilder) pairs = g_strv_builder_new();
    info->model = g_strdup(engine->settings.model_type ? engine->settings.model_type : "deepl");
    for (char **source = engine->sources; source && *source; source++)
        for (char **target = engine->targets; *target; target++) {
            g_autofree char *pair = g_strdup_printf("%s-%s", *source, *target);
            g_autofree char *small = g_ascii_strdown(pair, -1);
            g_autofree char *base = engine_language_base(*source);
            if (!engine_language_matches(*target, base))
                g_strv_builder_add(pairs, small);
        }
    if (!engine->sources)
        g_strv_builder_add(pairs, "*-*");
    info->languages = g_strv_builder_end(pairs);
}

static void greet(void *data, const struct engine_call *call)
{
    const struct translation_engine *engine = data;
    g_autofree char *url = g_strdup_printf("%s/v2/usage", engine->settings.base);
    http_client_greet(engine->client, url, (struct http_header){"Authorization", engine->authorization},
                      call);
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    bool hears = !engine->sources;
    for (char **code = engine->sources; code && *code; code++)
        hears = hears || engine_language_matches(*code, source);
    g_autofree char *code = deepl_target((const char *const *)engine->targets, target, NULL);
    return hears && code;
}

static GBytes *body_for(const struct translation_engine *engine, const struct translation_request *request)
{
    const struct deepl_settings *settings = &engine->settings;
    g_autofree char *source = g_ascii_strup(request->source_language, -1);
    g_autofree char *target =
        deepl_target((const char *const *)engine->targets, request->target_language, request->target_variant);
    g_autofree char *pair = g_strdup_printf("%s-%s", request->source_language, request->target_language);
    const char *glossary = g_hash_table_lookup(settings->glossaries, pair);
    JsonObject *object = json_object_new();
    JsonArray *texts = json_array_new();
    json_array_add_string_element(texts, request->text);
    json_object_set_array_member(object, "text", texts);
    json_object_set_string_member(object, "source_lang", source);
    json_object_set_string_member(object, "target_lang", target);
    if (settings->formality)
        json_object_set_string_member(object, "formality", settings->formality);
    if (settings->model_type)
        json_object_set_string_member(object, "model_type", settings->model_type);
    if (glossary)
        json_object_set_string_member(object, "glossary_id", glossary);
    char *text = dub_json_object_to_string_take(object);
    return g_bytes_new_take(text, strlen(text));
}

static bool translate(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error)
{
    g_autoptr(GBytes) asked = body_for(engine, request);
    g_autoptr(GBytes) body = ask(engine, "POST", engine->translate_url, asked, &request->call, error);
    if (!body)
        return false;
    result->text = deepl_read_text(g_bytes_get_data(body, NULL), g_bytes_get_size(body));
    return result->text || http_client_bad_answer(engine->client, "without a translation", error);
}

const struct translation_engine_ops translation_deepl = {
    .base =
        {
            .name = "deepl",
            .summary = "DeepL's API, free or pro (DEEPL_AUTH_KEY)",
            .max_concurrency = MAX_CONNECTIONS,
            .remote = true,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
            .greet = greet,
        },
    .supports = supports,
    .translate = translate,
};
