/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "glossary.h"

#include "../engine.h"
#include "../problems.h"
#include "../settings_file.h"
#include "protect.h"
#include <dubbing_json.h>
#include <dubbing_text.h>
#include <string.h>

#define SHOWN_BYTES 40 /* of a text that may be of any length */

struct term {
    char *from; /* small, NFC, single spaces */
    char *to;
    char *source; /* base code; NULL: every pair */
    char *target;
    bool kept;
};

struct glossary {
    GPtrArray *terms;     /* struct term */
    GHashTable *by_first; /* first character -> GPtrArray of its terms, borrowed, the longest first */
};

/* Where terms are read to, and what stands before a problem's text. */
struct reading {
    struct glossary *glossary;
    GHashTable *seen; /* "en-es term" */
    GPtrArray *problems;
    const char *where;
    const char *source;
    const char *target;
};

static void term_free(void *data)
{
    struct term *term = data;
    g_free(term->from);
    g_free(term->to);
    g_free(term->source);
    g_free(term->target);
    g_free(term);
}

void glossary_free(struct glossary *glossary)
{
    if (!glossary)
        return;
    g_hash_table_unref(glossary->by_first);
    g_ptr_array_unref(glossary->terms);
    g_free(glossary);
}

guint glossary_size(const struct glossary *glossary)
{
    return glossary->terms->len;
}

/* NFC, trimmed, single spaces, plain apostrophes. */
static char *normalise(const char *text)
{
    g_autofree char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
    GString *out = g_string_new(NULL);
    bool space = false;
    for (const char *at = composed; at && *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (g_unichar_isspace(c)) {
            space = true;
            continue;
        }
        if (space && out->len > 0)
            g_string_append_c(out, ' ');
        g_string_append_unichar(out, c == 0x2019 ? '\'' : c);
        space = false;
    }
    return g_string_free(out, FALSE);
}

static const char *fault_of(const char *text)
{
    guint words = 1;
    bool speakable = false;
    if (strlen(text) > GLOSSARY_MAX_TERM_BYTES)
        return "longer than 128 bytes";
    if (!g_utf8_validate(text, -1, NULL))
        return "not UTF-8";
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (g_unichar_iscntrl(c))
            return "with a control character";
        words += g_unichar_isspace(c) ? 1 : 0;
        speakable |= g_unichar_isalnum(c);
    }
    if (!speakable)
        return "without a letter or digit";
    return words > GLOSSARY_MAX_TERM_WORDS ? "of more than 12 words" : NULL;
}

static bool check_text(struct reading *reading, const char *text)
{
    const char *fault = fault_of(text);
    if (!fault)
        return true;
    g_autofree char *shown = g_utf8_make_valid(text, dub_text_cut(text, SHOWN_BYTES));
    g_autofree char *escaped = g_strescape(shown, NULL);
    problems_add(reading->problems, "%s: \"%s\" is %s", reading->where, escaped, fault);
    return false;
}

/* Lower case character by character, as glossary_find() compares. */
static char *small_form(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        g_string_append_unichar(out, g_unichar_tolower(g_utf8_get_char(at)));
    return g_string_free(out, FALSE);
}

/* to NULL: kept as it is. */
static void add_term(struct reading *reading, const char *from, const char *to)
{
    if (!check_text(reading, from) || (to && !check_text(reading, to)))
        return;
    if (reading->glossary->terms->len >= GLOSSARY_MAX_TERMS) {
        if (!g_hash_table_contains(reading->seen, ""))
            problems_add(reading->problems, "more than %d terms", GLOSSARY_MAX_TERMS);
        g_hash_table_add(reading->seen, g_strdup(""));
        return;
    }
    g_autofree char *written = normalise(from);
    g_autofree char *small = small_form(written);
    g_autofree char *key = g_strdup_printf("%s-%s %s", reading->source ? reading->source : "",
                                           reading->target ? reading->target : "", small);
    if (!g_hash_table_add(reading->seen, g_steal_pointer(&key))) {
        problems_add(reading->problems, "%s: \"%s\" is there twice", reading->where, written);
        return;
    }
    struct term term = {
        .from = g_steal_pointer(&small),
        .to = normalise(to ? to : written),
        .source = g_strdup(reading->source),
        .target = g_strdup(reading->target),
        .kept = to == NULL,
    };
    g_ptr_array_add(reading->glossary->terms, g_memdup2(&term, sizeof term));
}

static void read_list(struct reading *reading, JsonNode *node)
{
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (!array)
        problems_add(reading->problems, "%s: a list of strings is needed", reading->where);
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        const char *term = settings_file_string(json_array_get_element(array, i));
        if (term)
            add_term(reading, term, NULL);
        else
            problems_add(reading->problems, "%s: entry %u is no string", reading->where, i);
    }
}

static void read_replacements(struct reading *reading, JsonNode *node)
{
    JsonObjectIter iter;
    const char *from;
    JsonNode *value;
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        problems_add(reading->problems, "%s: an object of terms and translations is needed", reading->where);
        return;
    }
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &from, &value)) {
        if (settings_file_string(value))
            add_term(reading, from, settings_file_string(value));
        else
            problems_add(reading->problems, "%s: \"%.*s\" has no string as translation", reading->where,
                         dub_text_cut(from, SHOWN_BYTES), from);
    }
}

static void read_member(struct reading *reading, const char *prefix, const char *name, JsonNode *node)
{
    g_autofree char *where = g_strdup_printf("%s%s", prefix, name);
    reading->where = where;
    if (strcmp(name, "keep") == 0 || strcmp(name, "names") == 0)
        read_list(reading, node);
    else if (strcmp(name, "replace") == 0)
        read_replacements(reading, node);
    else if (strcmp(name, "comment") != 0)
        problems_add(reading->problems, "%s: is not known; allowed are keep, replace, comment", where);
    reading->where = "";
}

static void read_pair(struct reading *reading, const char *name, JsonNode *node)
{
    g_auto(GStrv) codes = g_strsplit(name, "-", 2);
    g_autofree char *source = engine_language_base(codes[0]);
    g_autofree char *target = codes[0] ? engine_language_base(codes[1]) : NULL;
    g_autofree char *prefix = g_strdup_printf("pairs.%s.", name);
    if (!source || !target || !JSON_NODE_HOLDS_OBJECT(node)) {
        problems_add(reading->problems, "pairs: \"%.*s\" is no pair such as \"en-es\" with an object",
                     dub_text_cut(name, SHOWN_BYTES), name);
        return;
    }
    reading->source = source;
    reading->target = target;
    JsonObjectIter iter;
    const char *member;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &member, &value))
        read_member(reading, prefix, member, value);
    reading->source = reading->target = NULL;
}

static void read_pairs(struct reading *reading, JsonNode *node)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        problems_add(reading->problems, "pairs: an object is needed");
        return;
    }
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &value))
        read_pair(reading, name, value);
}

static void read_file(struct reading *reading, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (strcmp(name, "names") == 0)
            read_member(reading, "", name, value);
        else if (strcmp(name, "pairs") == 0)
            read_pairs(reading, value);
        else if (strcmp(name, "comment") != 0)
            problems_add(reading->problems, "\"%.*s\" is not known; allowed are names, pairs, comment",
                         dub_text_cut(name, SHOWN_BYTES), name);
    }
}

static gint compare_lengths(gconstpointer first, gconstpointer second)
{
    const struct term *one = *(const struct term *const *)first;
    const struct term *other = *(const struct term *const *)second;
    size_t length = strlen(one->from);
    size_t other_length = strlen(other->from);
    return (length < other_length) - (length > other_length);
}

static struct reading start_reading(GPtrArray *problems)
{
    struct glossary *glossary = g_new0(struct glossary, 1);
    glossary->terms = g_ptr_array_new_with_free_func(term_free);
    glossary->by_first = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    return (struct reading){
        .glossary = glossary,
        .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .problems = problems,
        .where = "",
    };
}

static void index_terms(struct glossary *glossary)
{
    g_ptr_array_sort(glossary->terms, compare_lengths);
    for (guint i = 0; i < glossary->terms->len; i++) {
        struct term *term = glossary->terms->pdata[i];
        void *first = GUINT_TO_POINTER(g_utf8_get_char(term->from));
        GPtrArray *bucket = g_hash_table_lookup(glossary->by_first, first);
        if (!bucket) {
            bucket = g_ptr_array_new();
            g_hash_table_insert(glossary->by_first, first, bucket);
        }
        g_ptr_array_add(bucket, term);
    }
}

/* NULL where there were problems. */
static struct glossary *end_reading(struct reading *reading)
{
    g_hash_table_unref(reading->seen);
    if (reading->problems->len > 0) {
        glossary_free(reading->glossary);
        return NULL;
    }
    index_terms(reading->glossary);
    return reading->glossary;
}

struct glossary *glossary_parse(const char *text, gsize size, GPtrArray *problems)
{
    struct dub_error error = {0};
    g_autoptr(JsonNode) root = dub_json_parse(text, size, &error);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        problems_add(problems, "%s", root ? "an object is needed" : error.message);
        return NULL;
    }
    struct reading reading = start_reading(problems);
    read_file(&reading, json_node_get_object(root));
    return end_reading(&reading);
}

static void *parse_any(const char *text, gsize size, GPtrArray *problems)
{
    return glossary_parse(text, size, problems);
}

struct glossary *glossary_read(const char *path, GPtrArray *problems)
{
    return settings_file_read(path, parse_any, problems);
}

struct glossary *glossary_load(const char *path, struct dub_error *error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct glossary *glossary = glossary_read(path, problems);
    if (!glossary)
        problems_report(problems, path, error);
    return glossary;
}

struct glossary *glossary_for_stream(char *const *keep, char *const *replace, struct dub_error *error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct reading reading = start_reading(problems);
    reading.where = "keep";
    for (; keep && *keep; keep++)
        add_term(&reading, *keep, NULL);
    reading.where = "replace";
    for (; replace && replace[0] && replace[1]; replace += 2)
        add_term(&reading, replace[0], replace[1]);
    struct glossary *glossary = end_reading(&reading);
    if (!glossary)
        problems_report(problems, "config.glossary", error);
    return glossary;
}

static bool is_word(gunichar c)
{
    return g_unichar_isalnum(c) || g_unichar_ismark(c);
}

static gunichar comparable(gunichar c)
{
    return c == 0x2019 ? '\'' : g_unichar_tolower(c);
}

/* How many bytes of the text the term covers; 0: it does not stand here. */
static gsize match_at(const struct term *term, const char *text)
{
    const char *at = text;
    gunichar last = 0;
    for (const char *wanted = term->from; *wanted != '\0'; wanted = g_utf8_next_char(wanted)) {
        last = g_utf8_get_char(wanted);
        if (last != comparable(g_utf8_get_char(at)))
            return 0;
        at = g_utf8_next_char(at);
        while (last == ' ' && *at == ' ')
            at++;
    }
    return is_word(last) && is_word(g_utf8_get_char(at)) ? 0 : (gsize)(at - text);
}

static bool serves(const struct term *term, const char *source, const char *target)
{
    return !term->source || (strcmp(term->source, source) == 0 && strcmp(term->target, target) == 0);
}

/* The glossary's longest term at this place, where a word may begin; *length 0: none. */
static const struct term *find_at(const struct glossary *glossary, const char *source, const char *target,
                                  const char *at, gsize *length)
{
    gunichar first = comparable(g_utf8_get_char(at));
    const GPtrArray *bucket =
        glossary ? g_hash_table_lookup(glossary->by_first, GUINT_TO_POINTER(first)) : NULL;
    for (guint i = 0; bucket && i < bucket->len; i++) {
        const struct term *term = bucket->pdata[i];
        *length = serves(term, source, target) ? match_at(term, at) : 0;
        if (*length > 0)
            return term;
    }
    *length = 0;
    return NULL;
}

static gsize add_match(GArray *spans, const struct term *term, gsize at, gsize length)
{
    struct protect_span span = {.at = at, .length = length, .value = term->to, .raise = !term->kept};
    g_array_append_val(spans, span);
    return length;
}

GArray *glossary_find(const struct glossary *stream, const struct glossary *file, const char *source_language,
                      const char *target_language, const char *text)
{
    GArray *spans = g_array_new(FALSE, FALSE, sizeof(struct protect_span));
    g_autofree char *source = engine_language_base(source_language);
    g_autofree char *target = engine_language_base(target_language);
    gunichar before = 0;
    const char *at = text;
    while (source && target && *at != '\0' && spans->len < PROTECT_MAX_SPANS) {
        gsize own = 0;
        gsize other = 0;
        bool inside = is_word(before) && is_word(g_utf8_get_char(at));
        const struct term *of_stream = inside ? NULL : find_at(stream, source, target, at, &own);
        const struct term *of_file = inside ? NULL : find_at(file, source, target, at, &other);
        if (own > 0 || other > 0) {
            const struct term *term = own >= other ? of_stream : of_file;
            at += add_match(spans, term, (gsize)(at - text), MAX(own, other));
            before = g_utf8_get_char(g_utf8_prev_char(at));
            continue;
        }
        before = g_utf8_get_char(at);
        at = g_utf8_next_char(at);
    }
    return spans;
}
