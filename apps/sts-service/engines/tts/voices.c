/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voices.h"

#include "../engine.h"
#include "../problems.h"
#include "../settings_file.h"
#include <dubbing_json.h>
#include <dubbing_text.h>
#include <string.h>

#define MAX_PROFILES 256
#define MAX_NAME_BYTES 128
#define MAX_PROFILE_BYTES 64 /* what stream:init may name */
#define SHOWN_BYTES 40       /* of a name that may be of any length */

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

const struct voice *voices_by_name(const struct voices *voices, const char *profile)
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
        const struct voice *voice = voices_by_name(voices, *names);
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
    const struct voice *voice = voices_by_name(voices, profile);
    return fits(voice, base, engine) ? voice : default_voice(voices, base, engine);
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

/* One field at a time, so that every problem of an entry is heard of. */
struct entry {
    JsonNode *node;
    const char *profile;
    GPtrArray *problems;
};

static void note(const struct entry *entry, bool failed, const struct dub_error *error)
{
    if (failed)
        problems_add(entry->problems, "voice \"%s\": %s", entry->profile, error->message);
}

static char *read_text(const struct entry *entry, const char *name, bool required)
{
    bool failed = false;
    struct dub_error error = {0};
    struct dub_json_reader reader =
        dub_json_reader_on(entry->node, DUB_ERROR_INVALID_CONFIG, &failed, &error);
    const char *text = required ? dub_json_read_string(&reader, name, MAX_NAME_BYTES)
                                : dub_json_read_string_or(&reader, name, MAX_NAME_BYTES, NULL);
    if (!failed && text && *text == '\0')
        failed = !dub_error_set(&error, DUB_ERROR_INVALID_CONFIG, "%s: is empty", name);
    note(entry, failed, &error);
    return g_strdup(text);
}

static int read_number(const struct entry *entry, const char *name, int64_t min, int64_t max,
                       int64_t fallback)
{
    bool failed = false;
    struct dub_error error = {0};
    struct dub_json_reader reader =
        dub_json_reader_on(entry->node, DUB_ERROR_INVALID_CONFIG, &failed, &error);
    int64_t number = dub_json_read_int_or(&reader, name, min, max, fallback);
    note(entry, failed, &error);
    return (int)number;
}

static char *read_language(const struct entry *entry)
{
    g_autofree char *language = read_text(entry, "language", true);
    char *base = language ? engine_language_base(language) : NULL;
    if (language && !base)
        problems_add(entry->problems, "voice \"%s\": language: \"%s\" is no language code", entry->profile,
                     language);
    return base;
}

static void add_profile(struct voices *voices, const struct entry *entry)
{
    struct voice voice = {
        .profile = g_strdup(entry->profile),
        .language = read_language(entry),
        .engine = read_text(entry, "engine", true),
        .model = read_text(entry, "model", true),
        .speaker = read_text(entry, "speaker", false),
        .words_per_minute = read_number(entry, "words_per_minute", 80, 450, 0),
        .pitch = read_number(entry, "pitch", 0, 99, 50),
        .pitch_range = read_number(entry, "pitch_range", 0, 99, 50),
    };
    g_ptr_array_add(voices->profiles, g_memdup2(&voice, sizeof voice));
}

static bool check_profile(const char *profile, JsonNode *node, GPtrArray *problems)
{
    guint before = problems->len;
    if (strcmp(profile, "default") == 0)
        problems_add(problems, "voice \"default\": the name is taken: it means the language's default");
    if (*profile == '\0' || strlen(profile) > MAX_PROFILE_BYTES)
        problems_add(problems, "voice \"%.*s\": a name has 1 to %d bytes", dub_text_cut(profile, SHOWN_BYTES),
                     profile, MAX_PROFILE_BYTES);
    if (!JSON_NODE_HOLDS_OBJECT(node))
        problems_add(problems, "voice \"%.*s\": must be an object", dub_text_cut(profile, SHOWN_BYTES),
                     profile);
    return problems->len == before;
}

static void add_profiles(struct voices *voices, JsonObject *object, GPtrArray *problems)
{
    if (json_object_get_size(object) > MAX_PROFILES) {
        problems_add(problems, "more than %d voices", MAX_PROFILES);
        return;
    }
    JsonObjectIter iter;
    const char *profile;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &profile, &node)) {
        struct entry entry = {.node = node, .profile = profile, .problems = problems};
        if (check_profile(profile, node, problems))
            add_profile(voices, &entry);
    }
}

/* A name, or a list of names of which each engine takes its first. */
static GStrv names_of(JsonNode *node)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    if (settings_file_string(node))
        g_strv_builder_add(names, settings_file_string(node));
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        const char *name = settings_file_string(json_array_get_element(array, i));
        if (name)
            g_strv_builder_add(names, name);
    }
    return g_strv_builder_end(names);
}

static void check_default(const struct voices *voices, const char *language, const char *base,
                          const char *name, GPtrArray *problems)
{
    const struct voice *voice = voices_by_name(voices, name);
    if (!voice)
        problems_add(problems, "defaults of \"%s\": there is no voice \"%s\"", language, name);
    else if (voice->language && strcmp(voice->language, base) != 0)
        problems_add(problems, "defaults of \"%s\": voice \"%s\" speaks \"%s\"", language, name,
                     voice->language);
}

static void add_default(struct voices *voices, const char *language, JsonNode *node, GPtrArray *problems)
{
    char *base = engine_language_base(language);
    if (!base) {
        problems_add(problems, "defaults: \"%.*s\" is no language code", dub_text_cut(language, SHOWN_BYTES),
                     language);
        return;
    }
    GStrv names = names_of(node);
    g_hash_table_replace(voices->defaults, base, names);
    if (!*names)
        problems_add(problems, "defaults of \"%s\": a voice or a list is needed", language);
    for (char **name = names; *name; name++)
        check_default(voices, language, base, *name, problems);
}

static void add_defaults(struct voices *voices, JsonObject *object, GPtrArray *problems)
{
    JsonObjectIter iter;
    const char *language;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &language, &node))
        add_default(voices, language, node, problems);
}

static void read_all(struct voices *voices, JsonNode *root, GPtrArray *problems)
{
    bool failed = false;
    struct dub_error error = {0};
    struct dub_json_reader reader = dub_json_reader_on(root, DUB_ERROR_INVALID_CONFIG, &failed, &error);
    struct dub_json_reader profiles = dub_json_read_object(&reader, "voices", "voices.", true);
    struct dub_json_reader defaults = dub_json_read_object(&reader, "defaults", "defaults.", false);
    if (profiles.object)
        add_profiles(voices, profiles.object, problems);
    if (defaults.object)
        add_defaults(voices, defaults.object, problems);
    if (failed)
        problems_add(problems, "%s", error.message);
}

static void *parse(const char *text, gsize size, GPtrArray *problems)
{
    struct dub_error error = {0};
    g_autoptr(JsonNode) root = dub_json_parse(text, size, &error);
    if (!root) {
        problems_add(problems, "%s", error.message);
        return NULL;
    }
    struct voices *voices = g_new0(struct voices, 1);
    voices->profiles = g_ptr_array_new_with_free_func(voice_free);
    voices->defaults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
    read_all(voices, root, problems);
    if (problems->len == 0)
        return voices;
    voices_free(voices);
    return NULL;
}

struct voices *voices_parse(const char *text, gsize size, struct dub_error *error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct voices *voices = parse(text, size, problems);
    if (!voices)
        problems_report(problems, "voices", error);
    return voices;
}

struct voices *voices_read(const char *path, GPtrArray *problems)
{
    return settings_file_read(path, parse, problems);
}

struct voices *voices_load(const char *path, struct dub_error *error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct voices *voices = voices_read(path, problems);
    if (!voices)
        problems_report(problems, path, error);
    return voices;
}
