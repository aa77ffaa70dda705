/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "libretranslate_answer.h"

#include "../http/answer.h"

static void clear_pair(void *data)
{
    struct libretranslate_pair *pair = data;
    g_free(pair->source);
    g_free(pair->target);
}

static void add_pairs(GArray *pairs, JsonObject *language)
{
    const char *source = answer_string(language, "code");
    JsonArray *targets = answer_array(language, "targets");
    guint count = source && targets ? json_array_get_length(targets) : 0;
    for (guint i = 0; i < count && pairs->len < LIBRETRANSLATE_MAX_PAIRS; i++) {
        const char *target = answer_node_string(json_array_get_element(targets, i));
        if (!target || g_str_equal(source, target))
            continue;
        struct libretranslate_pair pair = {g_strdup(source), g_strdup(target)};
        g_array_append_val(pairs, pair);
    }
}

GArray *libretranslate_read_languages(const void *body, gsize size)
{
    g_autoptr(JsonNode) root = dub_json_parse(body, size, NULL);
    GArray *pairs = g_array_new(FALSE, FALSE, sizeof(struct libretranslate_pair));
    JsonArray *languages = root && JSON_NODE_HOLDS_ARRAY(root) ? json_node_get_array(root) : NULL;
    g_array_set_clear_func(pairs, clear_pair);
    for (guint i = 0; languages && i < json_array_get_length(languages); i++) {
        JsonObject *language = answer_node_object(json_array_get_element(languages, i));
        if (language)
            add_pairs(pairs, language);
    }
    if (pairs->len == 0)
        g_clear_pointer(&pairs, g_array_unref);
    return pairs;
}

char *libretranslate_read_text(const void *body, gsize size)
{
    g_autoptr(JsonNode) root = dub_json_parse(body, size, NULL);
    return g_strdup(answer_string(answer_node_object(root), "translatedText"));
}
