/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: what the three engines called "openai" share: OpenAI's API, or any server that speaks
 * it (OPENAI_BASE_URL), which may do without a key. */
#pragma once

#include "client.h"
#include "providers.h"

#define OPENAI_MAX_CONNECTIONS 16

struct openai {
    struct http_client *client;
    char *base;          /* "https://api.openai.com/v1" */
    char *authorization; /* NULL: no key */
    char *model;
};

/* False with UNAVAILABLE or INVALID_CONFIG; nothing is then to be cleared. */
bool openai_init(struct openai *openai, const struct engine_config *config, enum dub_stage stage,
                 const char *default_model, struct dub_error *error);

/* For the struct engine_ops of engines whose first member is a struct openai: destroy, describe (its model,
 * and any language), greet (the list of models, which costs nothing). */
void openai_engine_destroy(void *engine);
void openai_engine_describe(const void *engine, struct engine_info *info);
void openai_engine_greet(void *engine, const struct engine_call *call);

/* POST to base + path. As http_client_ask(). */
GBytes *openai_ask(const struct openai *openai, const char *path, const char *content_type, GBytes *body,
                   const char *answer_type, gsize max_bytes, const struct engine_call *call,
                   struct dub_error *error);
