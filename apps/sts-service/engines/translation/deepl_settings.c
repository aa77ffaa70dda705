/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "deepl_settings.h"

#include "../http/client.h"
#include <dubbing_text.h>
#include <string.h>

#define SHOWN_BYTES 60

void deepl_settings_clear(struct deepl_settings *settings)
{
    g_free(settings->base);
    g_clear_pointer(&settings->glossaries, g_hash_table_unref);
    *settings = (struct deepl_settings){0};
}

static bool read_base(struct deepl_settings *settings, const struct engine_providers *providers,
                      struct dub_error *error)
{
    bool free_plan = g_str_has_suffix(providers->deepl_key, ":fx");
    const char *own = free_plan ? "https://api-free.deepl.com" : "https://api.deepl.com";
    settings->base = http_base_url(provider_is_set(providers->deepl_url) ? providers->deepl_url : own,
                                   "DEEPL_URL", DUB_STAGE_TRANSLATION, error);
    return settings->base != NULL;
}

/* The entry of a NULL-terminated list; an empty text is its first, which stands for DeepL's own way. */
static bool choose(const char *const *allowed, const char *text, const char *variable, const char **chosen,
                   struct dub_error *error)
{
    g_autofree char *names = NULL;
    *chosen = NULL;
    if (!provider_is_set(text) || strcmp(text, allowed[0]) == 0)
        return true;
    for (const char *const *entry = allowed + 1; *entry; entry++)
        if (strcmp(*entry, text) == 0)
            *chosen = *entry;
    if (*chosen)
        return true;
    names = g_strjoinv(", ", (char **)allowed);
    return dub_error_set_stage(error, DUB_ERROR_INVALID_CONFIG, DUB_STAGE_TRANSLATION,
                               "%s is \"%.*s\": allowed for deepl are %s", variable,
                               dub_text_cut(text, SHOWN_BYTES), text, names);
}

static bool add_glossary(GHashTable *glossaries, char *entry)
{
    char *id = strchr(entry, '=');
    if (!id)
        return false;
    *id++ = '\0';
    g_auto(GStrv) pair = g_strsplit(g_strstrip(entry), "-", 2);
    g_autofree char *from = engine_language_base(pair[0]);
    g_autofree char *to = from && pair[1] ? engine_language_base(pair[1]) : NULL;
    g_strstrip(id);
    if (!to || !*id || id[strspn(id, "0123456789abcdefABCDEF-")])
        return false;
    return g_hash_table_insert(glossaries, g_strdup_printf("%s-%s", from, to), g_strdup(id));
}

static bool read_glossaries(struct deepl_settings *settings, const char *text, struct dub_error *error)
{
    g_auto(GStrv) entries = g_strsplit(provider_is_set(text) ? text : "", ",", -1);
    settings->glossaries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (char **entry = entries; *entry; entry++) {
        g_autofree char *said = g_strdup(*entry);
        if (!add_glossary(settings->glossaries, *entry))
            return dub_error_set_stage(error, DUB_ERROR_INVALID_CONFIG, DUB_STAGE_TRANSLATION,
                                       "DEEPL_GLOSSARIES: \"%.*s\" is not understood; allowed, joined by "
                                       "commas and each pair once: en-es=GLOSSARY_ID",
                                       dub_text_cut(said, SHOWN_BYTES), said);
    }
    return true;
}

static bool read_all(struct deepl_settings *settings, const struct engine_config *config,
                     struct dub_error *error)
{
    static const char *const formalities[] = {"default", "more", "less", "prefer_more", "prefer_less", NULL};
    static const char *const models[] = {"", "latency_optimized", "quality_optimized",
                                         "prefer_quality_optimized", NULL};
    const struct engine_providers *providers = config->providers;
    return read_base(settings, providers, error) &&
           choose(formalities, providers->deepl_formality, "DEEPL_FORMALITY", &settings->formality, error) &&
           choose(models, config->model, "STS_TRANSLATION_MODEL", &settings->model_type, error) &&
           read_glossaries(settings, providers->deepl_glossaries, error);
}

bool deepl_settings_read(struct deepl_settings *settings, const struct engine_config *config,
                         struct dub_error *error)
{
    *settings = (struct deepl_settings){0};
    if (!config->providers || !provider_is_set(config->providers->deepl_key))
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                                   "deepl needs a key: set DEEPL_AUTH_KEY or DEEPL_AUTH_KEY_FILE");
    if (read_all(settings, config, error))
        return true;
    deepl_settings_clear(settings);
    return false;
}
