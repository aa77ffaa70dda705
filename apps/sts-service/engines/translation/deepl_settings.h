/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: what DEEPL_* and STS_TRANSLATION_MODEL say, checked. */
#pragma once

#include "../engine.h"
#include "../http/providers.h"

struct deepl_settings {
    char *base;             /* "https://api-free.deepl.com" */
    const char *formality;  /* "prefer_more"; NULL: DeepL's own; static */
    const char *model_type; /* "latency_optimized"; NULL: DeepL's own; static */
    GHashTable *glossaries; /* "en-es" -> the id at DeepL */
};

/* False with UNAVAILABLE (no key) or INVALID_CONFIG; *settings is then cleared. */
bool deepl_settings_read(struct deepl_settings *settings, const struct engine_config *config,
                         struct dub_error *error);
void deepl_settings_clear(struct deepl_settings *settings);
