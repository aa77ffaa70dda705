/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON text from json-glib's nodes. Its own generator (1.6) writes 4e+22 as "4e+22.0" and U+001F raw, neither
 * of which is JSON, and walks strings byte by byte; ours are mostly long runs of base64, which are copied
 * whole. */
#include <dubbing_json.h>

#include <math.h>
#include <string.h>

static void write_node(GString *out, JsonNode *node);

static void write_escape(GString *out, unsigned char c)
{
    static const char *const names[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",  ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\",
    };
    if (c < G_N_ELEMENTS(names) && names[c] != NULL)
        g_string_append(out, names[c]);
    else
        g_string_append_printf(out, "\\u%04x", c);
}

/* U+0001 to U+001F, the quotation mark, the backslash, and U+007F. */
static const char escaped[] =
    "\x01\x02\x03\x04\x05\x06\x07\b\t\n\x0b\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"
    "\x19\x1a\x1b\x1c\x1d\x1e\x1f\"\\\x7f";

static void write_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (;;) {
        gsize run = strcspn(text, escaped);
        g_string_append_len(out, text, (gssize)run);
        if (text[run] == '\0')
            break;
        write_escape(out, (unsigned char)text[run]);
        text += run + 1;
    }
    g_string_append_c(out, '"');
}

/* With as few digits as bring the same number back. A whole number keeps a fraction, so that it is read as a
 * double. */
static void write_double(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (!isfinite(value)) {
        g_string_append(out, "null");
        return;
    }
    g_ascii_formatd(text, sizeof text, "%.15g", value);
    if (g_ascii_strtod(text, NULL) < value || g_ascii_strtod(text, NULL) > value)
        g_ascii_dtostr(text, sizeof text, value);
    g_string_append(out, text);
    if (strpbrk(text, ".e") == NULL)
        g_string_append(out, ".0");
}

static void write_value(GString *out, JsonNode *node)
{
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        write_string(out, json_node_get_string(node));
        return;
    case G_TYPE_BOOLEAN:
        g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
        return;
    case G_TYPE_DOUBLE:
        write_double(out, json_node_get_double(node));
        return;
    default:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, json_node_get_int(node));
    }
}

static void write_array(GString *out, JsonArray *array)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        write_node(out, json_array_get_element(array, i));
    }
    g_string_append_c(out, ']');
}

static void write_object(GString *out, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name = NULL;
    JsonNode *member = NULL;
    bool is_first = true;
    json_object_iter_init_ordered(&iter, object);
    g_string_append_c(out, '{');
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        if (!is_first)
            g_string_append_c(out, ',');
        is_first = false;
        write_string(out, name);
        g_string_append_c(out, ':');
        write_node(out, member);
    }
    g_string_append_c(out, '}');
}

static void write_node(GString *out, JsonNode *node)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        write_object(out, json_node_get_object(node));
        return;
    case JSON_NODE_ARRAY:
        write_array(out, json_node_get_array(node));
        return;
    case JSON_NODE_VALUE:
        write_value(out, node);
        return;
    case JSON_NODE_NULL:
        g_string_append(out, "null");
    }
}

char *dub_json_to_string(JsonNode *node)
{
    GString *out = g_string_sized_new(256);
    write_node(out, node);
    return g_string_free(out, FALSE);
}

char *dub_json_object_to_string_take(JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return dub_json_to_string(node);
}
