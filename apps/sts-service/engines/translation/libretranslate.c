/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A LibreTranslate server, one's own or a hosted one: asked at start which pairs it has, then a request per
 * phrase. A server that cannot be asked at start is taken at its word later: any pair is accepted, and its
 * refusals are the phrases' failures. */
#include "../http/client.h"
#include "../http/providers.h"
#include "engines.h"
#include "libretranslate_answer.h"

#include <dubbing_json.h>
#include <dubbing_log.h>
#include <string.h>

#define MAX_CONNECTIONS 16
#define ASK_LANGUAGES_NS (3 * DUB_NS_PER_S)

struct translation_engine {
    struct http_client *client;
    char *translate_url, *languages_url;
    char *key;     /* NULL: none */
    GArray *pairs; /* struct libretranslate_pair; NULL: not known */
};

static void destroy(void *data)
{
    struct translation_engine *engine = data;
    http_client_free(engine->client);
    g_free(engine->translate_url);
    g_free(engine->languages_url);
    g_free(engine->key);
    g_clear_pointer(&engine->pairs, g_array_unref);
    g_free(engine);
}

static struct dub_error ask_languages(struct translation_engine *engine)
{
    struct http_request request = {.method = "GET",
                                   .url = engine->languages_url,
                                   .answer_type = "application/json",
                                   .max_bytes = HTTP_TEXT_MAX_BYTES};
    struct engine_call call = {.deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + ASK_LANGUAGES_NS};
    struct dub_error error = {0};
    g_autoptr(GBytes) body = http_client_ask(engine->client, &request, &call, &error);
    if (!body)
        return error;
    engine->pairs = libretranslate_read_languages(g_bytes_get_data(body, NULL), g_bytes_get_size(body));
    if (!engine->pairs)
        http_client_bad_answer(engine->client, "without languages: is LIBRETRANSLATE_URL right?", &error);
    return error;
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    const struct engine_providers *providers = config->providers;
    if (!providers || !provider_is_set(providers->libretranslate_url)) {
        dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                            "libretranslate needs a server: set LIBRETRANSLATE_URL=http://host:5000");
        return NULL;
    }
    if (!engine_takes_no_model(config, DUB_STAGE_TRANSLATION, "libretranslate", "", error))
        return NULL;
    g_autofree char *base =
        http_base_url(providers->libretranslate_url, "LIBRETRANSLATE_URL", DUB_STAGE_TRANSLATION, error);
    if (!base)
        return NULL;
    struct http_client_config client = {.engine = "libretranslate",
                                        .stage = DUB_STAGE_TRANSLATION,
                                        .secret = providers->libretranslate_key,
                                        .secret_name = "LIBRETRANSLATE_API_KEY",
                                        .max_connections = MAX_CONNECTIONS};
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    engine->client = http_client_new(&client);
    engine->translate_url = g_strdup_printf("%s/translate", base);
    engine->languages_url = g_strdup_printf("%s/languages", base);
    engine->key =
        provider_is_set(providers->libretranslate_key) ? g_strdup(providers->libretranslate_key) : NULL;
    struct dub_error problem = ask_languages(engine);
    if (problem.code != DUB_ERROR_NONE)
        dub_log_warn("libretranslate does not say which languages it has, any is accepted: %s",
                     problem.message);
    return engine;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct translation_engine *engine = data;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    info->model = g_strdup("libretranslate");
    for (guint i = 0; engine->pairs && i < engine->pairs->len; i++) {
        const struct libretranslate_pair *pair = &g_array_index(engine->pairs, struct libretranslate_pair, i);
        g_autofree char *name = g_strdup_printf("%s-%s", pair->source, pair->target);
        g_strv_builder_add(names, name);
    }
    if (!engine->pairs)
        g_strv_builder_add(names, "*-*");
    info->languages = g_strv_builder_end(names);
}

static void greet(void *data, const struct engine_call *call)
{
    const struct translation_engine *engine = data;
    http_client_greet(engine->client, engine->languages_url, (struct http_header){0}, call);
}

/* How well a server's code serves what is wanted: 2 exactly, 1 by its base, 0 not at all. */
static int fits(const char *code, const char *base, const char *variant)
{
    if (variant && g_ascii_strcasecmp(code, variant) == 0)
        return 2;
    return engine_language_matches(code, base) ? 1 : 0;
}

static const struct libretranslate_pair *find(const struct translation_engine *engine,
                                              const struct translation_request *request)
{
    const struct libretranslate_pair *best = NULL;
    int best_fit = 0;
    for (guint i = 0; engine->pairs && i < engine->pairs->len; i++) {
        const struct libretranslate_pair *pair = &g_array_index(engine->pairs, struct libretranslate_pair, i);
        int source = fits(pair->source, request->source_language, request->source_variant);
        int target = fits(pair->target, request->target_language, request->target_variant);
        if (source > 0 && target > 0 && source + target > best_fit) {
            best = pair;
            best_fit = source + target;
        }
    }
    return best;
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    struct translation_request request = {.source_language = source, .target_language = target};
    return !engine->pairs || find(engine, &request) != NULL;
}

static GBytes *body_for(const struct translation_engine *engine, const struct translation_request *request)
{
    const struct libretranslate_pair *pair = find(engine, request);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "q", request->text);
    json_object_set_string_member(object, "source", pair ? pair->source : request->source_language);
    json_object_set_string_member(object, "target", pair ? pair->target : request->target_language);
    json_object_set_string_member(object, "format", "text");
    if (engine->key)
        json_object_set_string_member(object, "api_key", engine->key);
    char *text = dub_json_object_to_string_take(object);
    return g_bytes_new_take(text, strlen(text));
}

static bool translate(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error)
{
    g_autoptr(GBytes) asked = body_for(engine, request);
    struct http_request http = {.method = "POST",
                                .url = engine->translate_url,
                                .content_type = "application/json",
                                .body = asked,
                                .answer_type = "application/json",
                                .max_bytes = HTTP_TEXT_MAX_BYTES};
    g_autoptr(GBytes) body = http_client_ask(engine->client, &http, &request->call, error);
    if (!body)
        return false;
    result->text = libretranslate_read_text(g_bytes_get_data(body, NULL), g_bytes_get_size(body));
    return result->text || http_client_bad_answer(engine->client, "without a translation", error);
}

const struct translation_engine_ops translation_libretranslate = {
    .base =
        {
            .name = "libretranslate",
            .summary = "a LibreTranslate server (LIBRETRANSLATE_URL)",
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
