/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "piper_voice.h"

#include "../../audio/pcm.h"
#include "../engine.h"
#include "../problems.h"
#include "../settings_file.h"
#include <dubbing_json.h>
#include <dubbing_text.h>
#include <string.h>

#define MAX_IDS 16 /* of one phoneme */
#define MAX_SYMBOLS 65536
#define MAX_SPEAKERS 65536
#define MAX_NAME_BYTES 128
#define SHOWN_BYTES 40

/* One object of the file; node NULL: it is not there, and reads give fallbacks. */
struct part {
    JsonNode *node;
    const char *path; /* "audio.": in front of names in messages */
    GPtrArray *problems;
};

void piper_voice_free(struct piper_voice *voice)
{
    if (!voice)
        return;
    g_free(voice->language);
    g_free(voice->espeak_voice);
    g_hash_table_unref(voice->speaker_ids);
    g_hash_table_unref(voice->ids);
    g_hash_table_unref(voice->instead);
    g_free(voice);
}

static JsonNode *member(const struct part *part, const char *name)
{
    JsonNode *node = part->node ? json_object_get_member(json_node_get_object(part->node), name) : NULL;
    return node && !JSON_NODE_HOLDS_NULL(node) ? node : NULL;
}

static struct part part_of(const struct part *whole, const char *name, const char *path, bool required)
{
    JsonNode *node = member(whole, name);
    bool is_object = node && JSON_NODE_HOLDS_OBJECT(node);
    if (!is_object && (node || required))
        problems_add(whole->problems, "%s%s: %s", whole->path, name,
                     node ? "must be an object" : "is missing");
    return (struct part){.node = is_object ? node : NULL, .path = path, .problems = whole->problems};
}

static void complain(const struct part *part, bool failed, const struct dub_error *error)
{
    if (failed)
        problems_add(part->problems, "%s", error->message);
}

static int64_t read_int(const struct part *part, const char *name, int64_t min, int64_t max, int64_t fallback)
{
    bool failed = false;
    struct dub_error error = {0};
    if (!part->node)
        return fallback;
    struct dub_json_reader reader = dub_json_reader_on(part->node, DUB_ERROR_INVALID_CONFIG, &failed, &error);
    reader.path = part->path;
    int64_t value = dub_json_read_int_or(&reader, name, min, max, fallback);
    complain(part, failed, &error);
    return value;
}

static double read_double(const struct part *part, const char *name, double min, double max, double fallback)
{
    bool failed = false;
    struct dub_error error = {0};
    if (!part->node)
        return fallback;
    struct dub_json_reader reader = dub_json_reader_on(part->node, DUB_ERROR_INVALID_CONFIG, &failed, &error);
    reader.path = part->path;
    double value = dub_json_read_double_or(&reader, name, fallback);
    if (!failed && !(value >= min && value <= max))
        failed = !dub_error_set(&error, DUB_ERROR_INVALID_CONFIG, "%s%s: %g is outside %g..%g", part->path,
                                name, value, min, max);
    complain(part, failed, &error);
    return value;
}

/* NULL: it is not there. Owned by the caller. */
static char *read_text(const struct part *part, const char *name)
{
    bool failed = false;
    struct dub_error error = {0};
    if (!part->node)
        return NULL;
    struct dub_json_reader reader = dub_json_reader_on(part->node, DUB_ERROR_INVALID_CONFIG, &failed, &error);
    reader.path = part->path;
    const char *text = dub_json_read_string_or(&reader, name, MAX_NAME_BYTES, NULL);
    complain(part, failed, &error);
    return text && *text != '\0' ? g_strdup(text) : NULL;
}

static bool is_number_within(JsonNode *node, int64_t min, int64_t max)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64 &&
           json_node_get_int(node) >= min && json_node_get_int(node) <= max;
}

/* The one character of a text; 0: it is none, or more. */
static gunichar only_character(const char *text)
{
    return text && g_utf8_strlen(text, -1) == 1 ? g_utf8_get_char(text) : 0;
}

/* Owned by the caller; NULL: it is no list of 1 to MAX_IDS numbers below symbols. */
static GArray *ids_of(JsonNode *node, int64_t symbols)
{
    JsonArray *list = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint count = list ? json_array_get_length(list) : 0;
    if (count == 0 || count > MAX_IDS)
        return NULL;
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (guint i = 0; i < count; i++) {
        JsonNode *one = json_array_get_element(list, i);
        int64_t id = is_number_within(one, 0, symbols - 1) ? json_node_get_int(one) : -1;
        g_array_append_val(ids, id);
        if (id >= 0)
            continue;
        g_array_unref(ids);
        return NULL;
    }
    return ids;
}

/* Likewise, a list of single characters. */
static GArray *characters_of(JsonNode *node)
{
    JsonArray *list = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint count = list ? json_array_get_length(list) : 0;
    if (!list || count > MAX_IDS)
        return NULL;
    GArray *characters = g_array_new(FALSE, FALSE, sizeof(gunichar));
    for (guint i = 0; i < count; i++) {
        gunichar character = only_character(settings_file_string(json_array_get_element(list, i)));
        g_array_append_val(characters, character);
        if (character != 0)
            continue;
        g_array_unref(characters);
        return NULL;
    }
    return characters;
}

static void complain_of(const struct part *part, const char *name, const char *what)
{
    problems_add(part->problems, "%s\"%.*s\": %s", part->path, dub_text_cut(name, SHOWN_BYTES), name, what);
}

static void read_ids(struct piper_voice *voice, const struct part *map, int64_t symbols)
{
    static const gunichar needed[] = {PIPER_PAD, PIPER_BEGIN, PIPER_END};
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    if (!map->node)
        return;
    json_object_iter_init_ordered(&iter, json_node_get_object(map->node));
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
        gunichar phoneme = only_character(name);
        GArray *ids = phoneme != 0 ? ids_of(node, symbols) : NULL;
        if (ids)
            g_hash_table_replace(voice->ids, GUINT_TO_POINTER(phoneme), ids);
        else
            complain_of(map, name,
                        phoneme != 0 ? "must be a list of 1 to 16 numbers below num_symbols"
                                     : "a phoneme is one character");
    }
    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++)
        if (!g_hash_table_contains(voice->ids, GUINT_TO_POINTER(needed[i])))
            problems_add(map->problems, "%s\"%c\": is missing", map->path, (int)needed[i]);
}

static void read_instead(struct piper_voice *voice, const struct part *map)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    if (!map->node)
        return;
    json_object_iter_init_ordered(&iter, json_node_get_object(map->node));
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
        gunichar phoneme = only_character(name);
        GArray *instead = phoneme != 0 ? characters_of(node) : NULL;
        if (instead)
            g_hash_table_replace(voice->instead, GUINT_TO_POINTER(phoneme), instead);
        else
            complain_of(map, name, "must map one character to a list of single characters");
    }
}

static void read_speakers(struct piper_voice *voice, const struct part *map)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    if (!map->node)
        return;
    json_object_iter_init_ordered(&iter, json_node_get_object(map->node));
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
        if (is_number_within(node, 0, voice->speakers - 1))
            g_hash_table_replace(voice->speaker_ids, g_strdup(name),
                                 GINT_TO_POINTER((int)json_node_get_int(node)));
        else
            complain_of(map, name, "must be a number below num_speakers");
    }
}

static char *base_of(char *take_code)
{
    g_autofree char *code = take_code;
    return code ? engine_language_base(code) : NULL;
}

/* Old voices only tell the voice of eSpeak NG. */
static char *read_language(const struct part *root, const char *espeak_voice)
{
    struct part language = part_of(root, "language", "language.", false);
    char *base = base_of(read_text(&language, "family"));
    if (!base)
        base = base_of(read_text(&language, "code"));
    if (!base && espeak_voice)
        base = engine_language_base(espeak_voice);
    if (!base)
        problems_add(root->problems, "language.code: is missing, or no language code");
    return base;
}

/* Portuguese of Brazil was trained with one phoneme replaced, which its files do not say. */
static void add_unsaid(struct piper_voice *voice)
{
    static const gunichar k = 'k';
    if (g_strcmp0(voice->espeak_voice, "pt-br") != 0 || g_hash_table_size(voice->instead) > 0)
        return;
    GArray *instead = g_array_new(FALSE, FALSE, sizeof(gunichar));
    g_array_append_val(instead, k);
    g_hash_table_replace(voice->instead, GUINT_TO_POINTER('c'), instead);
}

static void read_phonemes(struct piper_voice *voice, const struct part *root)
{
    struct part espeak = part_of(root, "espeak", "espeak.", false);
    struct part ids = part_of(root, "phoneme_id_map", "phoneme_id_map.", true);
    struct part instead = part_of(root, "phoneme_map", "phoneme_map.", false);
    g_autofree char *type = read_text(root, "phoneme_type");
    g_autofree char *espeak_voice = read_text(&espeak, "voice");
    bool letters = g_strcmp0(type, "text") == 0;
    voice->language = read_language(root, espeak_voice);
    if (type && !letters && strcmp(type, "espeak") != 0)
        problems_add(root->problems, "phoneme_type: \"%s\" is not known here: espeak and text are", type);
    if (!letters && !espeak_voice)
        problems_add(root->problems, "espeak.voice: is missing");
    voice->espeak_voice = letters ? NULL : g_steal_pointer(&espeak_voice);
    read_ids(voice, &ids, read_int(root, "num_symbols", 1, MAX_SYMBOLS, MAX_SYMBOLS));
    read_instead(voice, &instead);
    add_unsaid(voice);
}

static void read_all(struct piper_voice *voice, const struct part *root)
{
    struct part audio = part_of(root, "audio", "audio.", true);
    struct part inference = part_of(root, "inference", "inference.", false);
    struct part speakers = part_of(root, "speaker_id_map", "speaker_id_map.", false);
    voice->rate_hz = (int)read_int(&audio, "sample_rate", PCM_MIN_RATE_HZ, PCM_MAX_RATE_HZ, 0);
    if (audio.node && !member(&audio, "sample_rate"))
        problems_add(root->problems, "audio.sample_rate: is missing");
    voice->noise_scale = read_double(&inference, "noise_scale", 0.0, 10.0, 0.667);
    voice->length_scale = read_double(&inference, "length_scale", 0.1, 10.0, 1.0);
    voice->noise_width = read_double(&inference, "noise_w", 0.0, 10.0, 0.8);
    voice->speakers = (int)read_int(root, "num_speakers", 1, MAX_SPEAKERS, 1);
    read_speakers(voice, &speakers);
    read_phonemes(voice, root);
    JsonNode *clusters = member(root, "vowel_clusters");
    if (clusters &&
        !(JSON_NODE_HOLDS_ARRAY(clusters) && json_array_get_length(json_node_get_array(clusters)) == 0))
        problems_add(root->problems, "vowel_clusters: is not known here");
}

static void *parse(const char *text, gsize size, GPtrArray *problems)
{
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = dub_json_parse(text, size, &error);
    if (!node || !JSON_NODE_HOLDS_OBJECT(node)) {
        problems_add(problems, "%s", node ? "must be an object" : error.message);
        return NULL;
    }
    struct piper_voice *voice = g_new0(struct piper_voice, 1);
    struct part root = {.node = node, .path = "", .problems = problems};
    GDestroyNotify free_array = (GDestroyNotify)g_array_unref;
    voice->speaker_ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    voice->ids = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_array);
    voice->instead = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_array);
    read_all(voice, &root);
    if (problems->len == 0)
        return voice;
    piper_voice_free(voice);
    return NULL;
}

struct piper_voice *piper_voice_parse(const char *text, gsize size, GPtrArray *problems)
{
    return parse(text, size, problems);
}

struct piper_voice *piper_voice_read(const char *path, GPtrArray *problems)
{
    return settings_file_read(path, parse, problems);
}

int piper_voice_speaker(const struct piper_voice *voice, const char *name)
{
    gpointer id = NULL;
    guint64 number = 0;
    if (!name)
        return 0;
    if (g_hash_table_lookup_extended(voice->speaker_ids, name, NULL, &id))
        return GPOINTER_TO_INT(id);
    if (g_ascii_string_to_unsigned(name, 10, 0, (guint64)voice->speakers - 1, &number, NULL))
        return (int)number;
    return -1;
}
