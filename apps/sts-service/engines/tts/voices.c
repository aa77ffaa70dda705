/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voices.h"

#include "../engine.h"
#include <dubbing_json.h>
#include <string.h>

#define MAX_FILE_BYTES (1u << 20)
#define MAX_PROFILES 256
#define MAX_NAME_BYTES 128

struct voices {
    GPtrArray *profiles;  /* struct voice, in the file's order */
    GHashTable *defaults; /* language -> GStrv of profile names */
};

static void voice_free(void *data)
{
    struct voice *voice = data;
    g_free(voice->profile);
    g_free(voice->language);
    g_free(voice->engine);
    g_free(voice->model);
    g_free(voice->speaker);
    g_free(voice);
}

void voices_free(struct voices *voices)
{
    if (!voices)
        return;
    g_ptr_array_unref(voices->profiles);
    g_hash_table_unref(voices->defaults);
    g_free(voices);
}

static const struct voice *by_profile(const struct voices *voices, const char *profile)
{
    for (guint i = 0; profile && i < voices->profiles->len; i++) {
        const struct voice *voice = voices->profiles->pdata[i];
        if (strcmp(voice->profile, profile) == 0)
            return voice;
    }
    return NULL;
}

static bool fits(const struct voice *voice, const char *language, const char *engine)
{
    return voice && strcmp(voice->language, language) == 0 && strcmp(voice->engine, engine) == 0;
}

static const struct voice *default_voice(const struct voices *voices, const char *language,
                                         const char *engine)
{
    char **names = g_hash_table_lookup(voices->defaults, language);
    for (; names && *names; names++) {
        const struct voice *voice = by_profile(voices, *names);
        if (fits(voice, language, engine))
            return voice;
    }
    for (guint i = 0; i < voices->profiles->len; i++)
        if (fits(voices->profiles->pdata[i], language, engine))
            return voices->profiles->pdata[i];
    return NULL;
}

const struct voice *voices_find(const struct voices *voices, const char *profile, const char *language,
                                const char *engine)
{
    g_autofree char *base = engine_language_base(language);
    if (!base)
        return NULL;
    const struct voice *voice = by_profile(voices, profile);
    return fits(voice, base, engine) ? voice : default_voice(voices, base, engine);
}

bool voices_has(const struct voices *voices, const char *profile)
{
    return !profile || strcmp(profile, "default") == 0 || by_profile(voices, profile);
}

GStrv voices_profiles(const struct voices *voices, const char *engine)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (guint i = 0; i < voices->profiles->len; i++) {
        const struct voice *voice = voices->profiles->pdata[i];
        if (strcmp(voice->engine, engine) == 0)
            g_strv_builder_add(names, voice->profile);
    }
    return g_strv_builder_end(names);
}

static bool in_entry(const char *profile, struct dub_error *error)
{
    g_autofree char *inner = error ? g_strdup(error->message) : NULL;
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "voice \"%s\": %s", profile,
                         inner ? inner : "not valid");
}

static bool add_profile(struct voices *voices, const char *profile, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);
    const char *language = dub_json_read_string(&reader, "language", MAX_NAME_BYTES);
    g_autofree char *base = language ? engine_language_base(language) : NULL;
    struct voice voice = {
        .profile = g_strdup(profile),
        .language = g_steal_pointer(&base),
        .engine = g_strdup(dub_json_read_string(&reader, "engine", MAX_NAME_BYTES)),
        .model = g_strdup(dub_json_read_string(&reader, "model", MAX_NAME_BYTES)),
        .speaker = g_strdup(dub_json_read_string_or(&reader, "speaker", MAX_NAME_BYTES, NULL)),
        .words_per_minute = (int)dub_json_read_int_or(&reader, "words_per_minute", 80, 450, 0),
        .pitch = (int)dub_json_read_int_or(&reader, "pitch", 0, 99, 50),
        .pitch_range = (int)dub_json_read_int_or(&reader, "pitch_range", 0, 99, 50),
    };
    g_ptr_array_add(voices->profiles, g_memdup2(&voice, sizeof voice));
    if (failed)
        return in_entry(profile, error);
    if (!voice.language)
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "voice \"%s\": \"%s\" is no language code",
                             profile, language);
    return true;
}

static bool add_profiles(struct voices *voices, JsonObject *object, struct dub_error *error)
{
    if (json_object_get_size(object) > MAX_PROFILES)
        return dub_error_set(error, DUB_ERROR_LIMIT, "more than %d voices", MAX_PROFILES);
    JsonObjectIter iter;
    const char *profile;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &profile, &node))
        if (!add_profile(voices, profile, node, error))
            return false;
    return true;
}

/* A name, or a list of names of which each engine takes its first. */
static GStrv names_of(JsonNode *node)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
        g_strv_builder_add(names, json_node_get_string(node));
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);
        if (JSON_NODE_HOLDS_VALUE(element) && json_node_get_value_type(element) == G_TYPE_STRING)
            g_strv_builder_add(names, json_node_get_string(element));
    }
    return g_strv_builder_end(names);
}

static bool add_defaults(struct voices *voices, JsonObject *object, struct dub_error *error)
{
    JsonObjectIter iter;
    const char *language;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &language, &node)) {
        char *base = engine_language_base(language);
        if (!base)
            return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "defaults: \"%s\" is no language code",
                                 language);
        GStrv names = names_of(node);
        g_hash_table_replace(voices->defaults, base, names);
        if (!*names)
            return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                                 "defaults of \"%s\": a voice or a list is needed", language);
        for (char **name = names; *name; name++)
            if (!by_profile(voices, *name))
                return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                                     "defaults of \"%s\": there is no voice \"%s\"", language, *name);
    }
    return true;
}

static bool read_all(struct voices *voices, JsonNode *root, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(root, DUB_ERROR_INVALID_CONFIG, &failed, error);
    struct dub_json_reader profiles = dub_json_read_object(&reader, "voices", "voices.", true);
    struct dub_json_reader defaults = dub_json_read_object(&reader, "defaults", "defaults.", false);
    if (failed || !profiles.object)
        return false;
    return add_profiles(voices, profiles.object, error) &&
           (!defaults.object || add_defaults(voices, defaults.object, error));
}

struct voices *voices_parse(const char *text, gsize size, struct dub_error *error)
{
    g_autoptr(JsonNode) root = dub_json_parse(text, size, error);
    if (!root)
        return NULL;
    struct voices *voices = g_new0(struct voices, 1);
    voices->profiles = g_ptr_array_new_with_free_func(voice_free);
    voices->defaults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
    if (read_all(voices, root, error))
        return voices;
    voices_free(voices);
    return NULL;
}

struct voices *voices_load(const char *path, struct dub_error *error)
{
    GError *failure = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &failure);
    if (!file) {
        dub_error_take_gerror(error, DUB_ERROR_INVALID_CONFIG, path, &failure);
        return NULL;
    }
    if (g_mapped_file_get_length(file) > MAX_FILE_BYTES) {
        dub_error_set(error, DUB_ERROR_LIMIT, "%s is larger than 1 MiB", path);
        return NULL;
    }
    struct dub_error problem = {0};
    const char *text = g_mapped_file_get_contents(file);
    struct voices *voices = voices_parse(text ? text : "", g_mapped_file_get_length(file), &problem);
    if (!voices)
        dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%s: %s", path, problem.message);
    return voices;
}
