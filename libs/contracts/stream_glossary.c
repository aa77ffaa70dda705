/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.glossary of stream:init: {"keep": [term], "replace": {term: translation}}. An extension of ours;
 * what a term may look like is the service's affair, here it is bounded. */
#include "fields.h"

#include <string.h>

static const char *string_of(JsonNode *node)
{
    bool is_string = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
    return is_string ? json_node_get_string(node) : NULL;
}

static bool is_term(const char *text)
{
    return text && *text != '\0' && strlen(text) <= DUB_GLOSSARY_TERM_BYTES_MAX &&
           g_utf8_validate(text, -1, NULL);
}

static bool check_count(struct dub_json_reader *reader, const char *name, unsigned count)
{
    if (count <= DUB_GLOSSARY_TERMS_MAX)
        return true;
    contract_problem(reader, name, "has %u entries, at most %d are allowed", count, DUB_GLOSSARY_TERMS_MAX);
    return false;
}

static char **read_keep(struct dub_json_reader *reader)
{
    static const char name[] = "keep";
    if (*reader->failed || !contract_has(reader, name))
        return NULL;
    JsonNode *node = json_object_get_member(reader->object, name);
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (!array) {
        contract_problem(reader, name, "must be a list of strings");
        return NULL;
    }
    if (!check_count(reader, name, json_array_get_length(array)))
        return NULL;
    g_autoptr(GStrvBuilder) terms = g_strv_builder_new();
    for (unsigned i = 0; i < json_array_get_length(array); i++) {
        const char *term = string_of(json_array_get_element(array, i));
        if (is_term(term))
            g_strv_builder_add(terms, term);
        else
            contract_problem(reader, name, "entry %u must be a string of 1 to %d bytes", i,
                             DUB_GLOSSARY_TERM_BYTES_MAX);
    }
    return g_strv_builder_end(terms);
}

static char **read_replace(struct dub_json_reader *reader)
{
    static const char name[] = "replace";
    if (*reader->failed || !contract_has(reader, name))
        return NULL;
    JsonNode *node = json_object_get_member(reader->object, name);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (!object) {
        contract_problem(reader, name, "must be an object of terms and translations");
        return NULL;
    }
    if (!check_count(reader, name, json_object_get_size(object)))
        return NULL;
    g_autoptr(GStrvBuilder) terms = g_strv_builder_new();
    JsonObjectIter iter;
    const char *term;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &term, &value)) {
        const char *translation = string_of(value);
        if (!is_term(term) || !is_term(translation)) {
            g_autofree char *shown = g_strescape(term, NULL);
            contract_problem(reader, name, "\"%.40s\" and its translation must be strings of 1 to %d bytes",
                             shown, DUB_GLOSSARY_TERM_BYTES_MAX);
            break;
        }
        g_strv_builder_add(terms, term);
        g_strv_builder_add(terms, translation);
    }
    return g_strv_builder_end(terms);
}

void contract_read_glossary(struct dub_json_reader *parent, struct dub_glossary *glossary)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "glossary", "config.glossary.", false);
    if (!reader.object)
        return;
    glossary->keep = read_keep(&reader);
    glossary->replace = read_replace(&reader);
}

JsonObject *contract_glossary_to_object(const struct dub_glossary *glossary)
{
    JsonObject *object = json_object_new();
    if (glossary->keep) {
        JsonArray *keep = json_array_new();
        for (char **term = glossary->keep; *term; term++)
            json_array_add_string_element(keep, *term);
        json_object_set_array_member(object, "keep", keep);
    }
    if (glossary->replace) {
        JsonObject *replace = json_object_new();
        for (char **term = glossary->replace; term[0] && term[1]; term += 2)
            json_object_set_string_member(replace, term[0], term[1]);
        json_object_set_object_member(object, "replace", replace);
    }
    return object;
}

void dub_glossary_clear(struct dub_glossary *glossary)
{
    g_strfreev(glossary->keep);
    g_strfreev(glossary->replace);
    *glossary = (struct dub_glossary){0};
}
