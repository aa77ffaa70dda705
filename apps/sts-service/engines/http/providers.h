/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the providers are and what opens their doors: variables of their own, because they stand in many
 * places besides ours. Borrowed for an engine's create(); NULL or "" is "not set". Keys are never logged. */
#pragma once

#include <stdbool.h>

struct engine_providers {
    char *elevenlabs_key, *elevenlabs_url;
    char *openai_key, *openai_url;
    char *deepl_key, *deepl_url, *deepl_formality, *deepl_glossaries;
    char *libretranslate_url, *libretranslate_key;
};

static inline bool provider_is_set(const char *setting)
{
    return setting && *setting != '\0';
}
