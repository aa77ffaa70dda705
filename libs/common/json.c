/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typed reading of the members of objects; the first problem is the one that is told. */
#include <dubbing_json.h>

#include <math.h>
#include <string.h>

#define DEFAULT_STRING_MAX 4096

static G_GNUC_PRINTF(3, 4) void fail(struct dub_json_reader *reader, const char *name, const char *format,
                                     ...)
{
    if (*reader->failed)
        return;
    *reader->failed = true;
    va_list args;
    va_start(args, format);
    g_autofree char *problem = g_strdup_vprintf(format, args);
    va_end(args);
    dub_error_set(reader->error, reader->code, "%s%s: %s", reader->path, name, problem);
}

struct dub_json_reader dub_json_reader_on(JsonNode *node, enum dub_error_code code, bool *failed,
                                          struct dub_error *error)
{
    struct dub_json_reader reader = {.path = "", .error = error, .code = code, .failed = failed};
    *failed = false;
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        reader.object = json_node_get_object(node);
    else
        fail(&reader, "body", "must be a JSON object");
    return reader;
}

/* The member, NULL when there is none, it is null, or an earlier problem ended the reading. */
static JsonNode *member(struct dub_json_reader *reader, const char *name, bool required)
{
    if (*reader->failed || reader->object == NULL)
        return NULL;
    JsonNode *node = json_object_get_member(reader->object, name);
    if (node != NULL && !JSON_NODE_HOLDS_NULL(node))
        return node;
    if (required)
        fail(reader, name, "is missing");
    return NULL;
}

struct dub_json_reader dub_json_read_object(struct dub_json_reader *reader, const char *name,
                                            const char *path, bool required)
{
    struct dub_json_reader sub = {
        .path = path, .error = reader->error, .code = reader->code, .failed = reader->failed};
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return sub;
    if (JSON_NODE_HOLDS_OBJECT(node))
        sub.object = json_node_get_object(node);
    else
        fail(reader, name, "must be an object");
    return sub;
}

static const char *read_string(struct dub_json_reader *reader, const char *name, gsize max_bytes,
                               bool required, const char *fallback)
{
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return fallback;
    if (json_node_get_value_type(node) != G_TYPE_STRING) {
        fail(reader, name, "must be a string");
        return fallback;
    }
    const char *text = json_node_get_string(node);
    gsize limit = max_bytes != 0 ? max_bytes : DEFAULT_STRING_MAX;
    if (strlen(text) > limit) {
        fail(reader, name, "is longer than %" G_GSIZE_FORMAT " bytes", limit);
        return fallback;
    }
    return text;
}

const char *dub_json_read_string(struct dub_json_reader *reader, const char *name, gsize max_bytes)
{
    return read_string(reader, name, max_bytes, true, "");
}

const char *dub_json_read_string_or(struct dub_json_reader *reader, const char *name, gsize max_bytes,
                                    const char *fallback)
{
    return read_string(reader, name, max_bytes, false, fallback);
}

/* 2^53: beyond it a double no longer says which integer is meant. */
#define DOUBLE_EXACT_MAX 9007199254740992.0

static bool node_as_int(JsonNode *node, int64_t *value)
{
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_INT64) {
        *value = json_node_get_int(node);
        return true;
    }
    double number = type == G_TYPE_DOUBLE ? json_node_get_double(node) : NAN;
    if (isnan(number) || fabs(number) > DOUBLE_EXACT_MAX || floor(number) < number)
        return false;
    *value = (int64_t)number;
    return true;
}

#define TWO_TO_63 9223372036854775808.0

/* A number that no int64_t holds: the parser makes doubles of them. */
static bool is_beyond_int64(JsonNode *node)
{
    double number = json_node_get_value_type(node) == G_TYPE_DOUBLE ? json_node_get_double(node) : 0;
    return number >= TWO_TO_63 || number < -TWO_TO_63;
}

static int64_t read_int(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max,
                        bool required, int64_t fallback)
{
    int64_t value;
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return fallback;
    if (is_beyond_int64(node)) {
        fail(reader, name, "is %g, allowed is %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
             json_node_get_double(node), min, max);
        return fallback;
    }
    if (!JSON_NODE_HOLDS_VALUE(node) || !node_as_int(node, &value)) {
        fail(reader, name, "must be a whole number");
        return fallback;
    }
    if (value < min || value > max) {
        fail(reader, name, "is %" G_GINT64_FORMAT ", allowed is %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
             value, min, max);
        return fallback;
    }
    return value;
}

int64_t dub_json_read_int(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max)
{
    return read_int(reader, name, min, max, true, min);
}

int64_t dub_json_read_int_or(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max,
                             int64_t fallback)
{
    return read_int(reader, name, min, max, false, fallback);
}

double dub_json_read_double_or(struct dub_json_reader *reader, const char *name, double fallback)
{
    JsonNode *node = member(reader, name, false);
    if (node == NULL)
        return fallback;
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_DOUBLE)
        return json_node_get_double(node);
    if (type == G_TYPE_INT64)
        return (double)json_node_get_int(node);
    fail(reader, name, "must be a number");
    return fallback;
}

static bool read_bool(struct dub_json_reader *reader, const char *name, bool required, bool fallback)
{
    JsonNode *node = member(reader, name, required);
    if (node == NULL)
        return fallback;
    if (json_node_get_value_type(node) == G_TYPE_BOOLEAN)
        return json_node_get_boolean(node) != FALSE;
    fail(reader, name, "must be true or false");
    return fallback;
}

bool dub_json_read_bool(struct dub_json_reader *reader, const char *name)
{
    return read_bool(reader, name, true, false);
}

bool dub_json_read_bool_or(struct dub_json_reader *reader, const char *name, bool fallback)
{
    return read_bool(reader, name, false, fallback);
}
