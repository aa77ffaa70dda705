/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "deepl_answer.h"

#include "../engine.h"
#include "../http/answer.h"
#include <string.h>

#define MAX_LANGUAGES 1000

GStrv deepl_read_languages(const void *body, gsize size)
{
    g_autoptr(JsonNode) root = dub_json_parse(body, size, NULL);
    JsonArray *list = root && JSON_NODE_HOLDS_ARRAY(root) ? json_node_get_array(root) : NULL;
    guint count = list ? MIN(json_array_get_length(list), MAX_LANGUAGES) : 0;
    g_autoptr(GStrvBuilder) codes = g_strv_builder_new();
    for (guint i = 0; i < count; i++) {
        const char *code = answer_string(answer_node_object(json_array_get_element(list, i)), "language");
        g_autofree char *base = engine_language_base(code);
        if (base)
            g_strv_builder_add(codes, code);
    }
    GStrv all = g_strv_builder_end(codes);
    if (!*all)
        g_clear_pointer(&all, g_strfreev);
    return all;
}

char *deepl_read_text(const void *body, gsize size)
{
    g_autoptr(JsonNode) root = dub_json_parse(body, size, NULL);
    JsonArray *list = answer_array(answer_node_object(root), "translations");
    if (!list || json_array_get_length(list) != 1)
        return NULL;
    return g_strdup(answer_string(answer_node_object(json_array_get_element(list, 0)), "text"));
}

/* For these DeepL wants a variant; and Spanish of the Americas is one. */
static const char *meant_by(const char *base, const char *variant)
{
    static const struct {
        const char *base, *target;
    } usual[] = {{"en", "EN-US"}, {"pt", "PT-BR"}, {"zh", "ZH-HANS"}};
    if (strcmp(base, "es") == 0 && variant && strlen(variant) > 3 &&
        g_ascii_strcasecmp(variant, "es-ES") != 0)
        return "ES-419";
    for (gsize i = 0; i < G_N_ELEMENTS(usual); i++)
        if (strcmp(usual[i].base, base) == 0)
            return usual[i].target;
    return base;
}

static const char *find(const char *const *known, const char *code)
{
    for (; code && *known; known++)
        if (g_ascii_strcasecmp(*known, code) == 0)
            return *known;
    return NULL;
}

char *deepl_target(const char *const *known, const char *base, const char *variant)
{
    const char *meant = meant_by(base, variant);
    if (!known)
        return g_ascii_strup(meant, -1);
    const char *const wanted[] = {variant, meant, base};
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
        const char *code = find(known, wanted[i]);
        if (code)
            return g_strdup(code);
    }
    for (; *known; known++)
        if (engine_language_matches(*known, base))
            return g_strdup(*known);
    return NULL;
}
