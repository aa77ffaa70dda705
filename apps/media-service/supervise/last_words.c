/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "last_words.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <string.h>

static void take_log_line(struct last_words *words, const char *line)
{
    if (strstr(line, "\"level\":\"error\"") == NULL)
        return;
    g_autoptr(JsonNode) node = dub_json_parse(line, strlen(line), NULL);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonNode *message = json_object_get_member(json_node_get_object(node), "message");
    if (message == NULL || json_node_get_value_type(message) != G_TYPE_STRING)
        return;
    g_free(words->error);
    words->error = g_strdup(json_node_get_string(message));
}

/* Lines that are indented belong to the one before: a heading, of which they are what it announces, or
 * another of them. */
static void take_plain_line(struct last_words *words, const char *line)
{
    bool goes_on = *line == ' ' && words->plain != NULL;
    bool has_heading = words->plain != NULL && g_str_has_suffix(words->plain->str, ":");
    g_autofree char *text = g_utf8_make_valid(line, -1);
    g_strstrip(text);
    if (*text == '\0')
        return;
    if (words->plain == NULL)
        words->plain = g_string_new(NULL);
    if (!goes_on || has_heading)
        g_string_truncate(words->plain, 0);
    else if (words->plain->len >= LAST_WORDS_MAX_BYTES)
        return;
    g_string_append_printf(words->plain, "%s%s", words->plain->len > 0 ? "; " : "", text);
}

void last_words_take(struct last_words *words, const char *line)
{
    if (*line == '{')
        take_log_line(words, line);
    else
        take_plain_line(words, line);
}

char *last_words_tell(const struct last_words *words)
{
    const char *text = words->error;
    if (text == NULL && words->plain != NULL && words->plain->len > 0)
        text = words->plain->str;
    if (text == NULL)
        return NULL;
    g_autofree char *masked = dub_url_mask_in(text);
    return g_utf8_substring(masked, 0, MIN(g_utf8_strlen(masked, -1), LAST_WORDS_MAX_BYTES));
}

void last_words_clear(struct last_words *words)
{
    g_clear_pointer(&words->error, g_free);
    if (words->plain != NULL)
        g_string_free(words->plain, TRUE);
    words->plain = NULL;
}
