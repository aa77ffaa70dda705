/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "openai.h"

#define BASE "https://api.openai.com/v1"

bool openai_init(struct openai *openai, const struct engine_config *config, enum dub_stage stage,
                 const char *default_model, struct dub_error *error)
{
    const struct engine_providers *providers = config->providers;
    const char *key = providers ? providers->openai_key : NULL;
    const char *url = providers ? providers->openai_url : NULL;
    *openai = (struct openai){0};
    if (!provider_is_set(key) && !provider_is_set(url))
        return dub_error_set_stage(
            error, DUB_ERROR_UNAVAILABLE, stage,
            "openai needs a key (OPENAI_API_KEY or OPENAI_API_KEY_FILE) or the address "
            "of a server that wants none (OPENAI_BASE_URL)");
    openai->base = http_base_url(provider_is_set(url) ? url : BASE, "OPENAI_BASE_URL", stage, error);
    if (!openai->base)
        return false;
    struct http_client_config client = {.engine = "openai",
                                        .stage = stage,
                                        .secret = key,
                                        .secret_name = "OPENAI_API_KEY",
                                        .max_connections = OPENAI_MAX_CONNECTIONS};
    openai->client = http_client_new(&client);
    openai->authorization = provider_is_set(key) ? g_strdup_printf("Bearer %s", key) : NULL;
    openai->model = g_strdup(provider_is_set(config->model) ? config->model : default_model);
    return true;
}

void openai_engine_destroy(void *engine)
{
    struct openai *openai = engine;
    http_client_free(openai->client);
    g_free(openai->base);
    g_free(openai->authorization);
    g_free(openai->model);
    g_free(engine);
}

void openai_engine_describe(const void *engine, struct engine_info *info)
{
    static const char *const any[] = {"*", NULL};
    const struct openai *openai = engine;
    info->model = g_strdup(openai->model);
    info->languages = g_strdupv((char **)any);
}

static struct http_header authorization(const struct openai *openai)
{
    return openai->authorization ? (struct http_header){"Authorization", openai->authorization}
                                 : (struct http_header){0};
}

void openai_engine_greet(void *engine, const struct engine_call *call)
{
    const struct openai *openai = engine;
    g_autofree char *url = g_strconcat(openai->base, "/models", NULL);
    http_client_greet(openai->client, url, authorization(openai), call);
}

GBytes *openai_ask(const struct openai *openai, const char *path, const char *content_type, GBytes *body,
                   const char *answer_type, gsize max_bytes, const struct engine_call *call,
                   struct dub_error *error)
{
    g_autofree char *url = g_strconcat(openai->base, path, NULL);
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = {authorization(openai)},
                                   .content_type = content_type,
                                   .body = body,
                                   .answer_type = answer_type,
                                   .max_bytes = max_bytes};
    return http_client_ask(openai->client, &request, call, error);
}
