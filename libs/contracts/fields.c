/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fields.h"

#include <dubbing_ids.h>
#include <math.h>
#include <string.h>

const char *contract_name_of(const struct contract_names *names, unsigned value)
{
    return value < names->count ? names->names[value] : "";
}

unsigned contract_index_of(const struct contract_names *names, const char *name)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (g_strcmp0(names->names[i], name) == 0)
            return i;
    }
    return names->count;
}

void contract_problem(struct dub_json_reader *reader, const char *name, const char *format, ...)
{
    if (*reader->failed)
        return;
    *reader->failed = true;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    dub_error_set(reader->error, reader->code, "%s%s: %s", reader->path, name, message);
}

bool contract_has(const struct dub_json_reader *reader, const char *name)
{
    return reader->object && json_object_has_member(reader->object, name) &&
           !json_object_get_null_member(reader->object, name);
}

/* JSON nodes made by a program rather than by a parser may hold any bytes. */
static char *copy_text(struct dub_json_reader *reader, const char *name, const char *value)
{
    if (*reader->failed || !value)
        return NULL;
    if (g_utf8_validate(value, -1, NULL))
        return g_strdup(value);
    contract_problem(reader, name, "must be UTF-8");
    return NULL;
}

char *contract_read_text(struct dub_json_reader *reader, const char *name, gsize max_bytes)
{
    return copy_text(reader, name, dub_json_read_string(reader, name, max_bytes));
}

char *contract_read_string(struct dub_json_reader *reader, const char *name, gsize max_bytes)
{
    char *text = contract_read_text(reader, name, max_bytes);
    if (text && !*text)
        contract_problem(reader, name, "must not be empty");
    return text;
}

char *contract_read_string_or_null(struct dub_json_reader *reader, const char *name, gsize max_bytes)
{
    return copy_text(reader, name, dub_json_read_string_or(reader, name, max_bytes, NULL));
}

char *contract_read_uuid(struct dub_json_reader *reader, const char *name)
{
    char *text = contract_read_string(reader, name, DUB_NAME_BYTES_MAX);
    if (text && !dub_uuid_is_valid(text))
        contract_problem(reader, name, "must be a UUID, is \"%.64s\"", text);
    return text;
}

char *contract_read_id(struct dub_json_reader *reader, const char *name)
{
    char *text = contract_read_string(reader, name, DUB_NAME_BYTES_MAX);
    if (text && !dub_stream_id_is_valid(text))
        contract_problem(reader, name, "must be 1 to 64 letters, digits, - or _, is \"%.80s\"", text);
    return text;
}

static bool is_language(const char *text)
{
    size_t part = 0;
    bool first = true;

    for (const char *c = text; *c; c++) {
        if (*c == '-' && part > 0) {
            part = 0;
            first = false;
        } else if (g_ascii_isalpha(*c) || (!first && g_ascii_isdigit(*c))) {
            part++;
        } else {
            return false;
        }
        if (part > 8 || (first && part > 3))
            return false;
    }
    return part > 0 && (!first || part >= 2);
}

char *contract_read_language(struct dub_json_reader *reader, const char *name)
{
    char *text = contract_read_string(reader, name, DUB_LANGUAGE_BYTES_MAX);
    if (text && !is_language(text))
        contract_problem(reader, name, "must be a language tag such as \"en\" or \"pt-BR\", is \"%s\"", text);
    return text;
}

int contract_read_choice(struct dub_json_reader *reader, const char *name, const struct contract_names *names,
                         int fallback)
{
    const char *text = fallback < 0 ? dub_json_read_string(reader, name, DUB_NAME_BYTES_MAX)
                                    : dub_json_read_string_or(reader, name, DUB_NAME_BYTES_MAX, NULL);
    if (*reader->failed)
        return 0;
    if (!text)
        return MAX(fallback, 0);
    unsigned index = contract_index_of(names, text);
    if (index < names->count)
        return (int)index;

    g_autoptr(GString) allowed = g_string_new(names->names[0]);
    for (unsigned i = 1; i < names->count; i++)
        g_string_append_printf(allowed, "%s%s", i + 1 == names->count ? " or " : ", ", names->names[i]);
    g_autofree char *shown = g_utf8_make_valid(text, -1);
    contract_problem(reader, name, "must be %s, is \"%.64s\"", allowed->str, shown);
    return 0;
}

double contract_read_double_or(struct dub_json_reader *reader, const char *name, double min, double max,
                               double fallback)
{
    double value = dub_json_read_double_or(reader, name, fallback);
    if (*reader->failed || !contract_has(reader, name))
        return fallback;
    if (isfinite(value) && value >= min && value <= max)
        return value;
    contract_problem(reader, name, "must be %g..%g, is %g", min, max, value);
    return fallback;
}

int64_t contract_read_rounded_or(struct dub_json_reader *reader, const char *name, int64_t max,
                                 int64_t fallback)
{
    if (!contract_has(reader, name))
        return fallback;
    double value = contract_read_double_or(reader, name, 0, (double)max, 0);
    return *reader->failed ? fallback : llround(value);
}

int64_t contract_read_rounded(struct dub_json_reader *reader, const char *name, int64_t max)
{
    if (!contract_has(reader, name)) {
        contract_problem(reader, name, "is missing");
        return 0;
    }
    return contract_read_rounded_or(reader, name, max, 0);
}

/* An error code that only a newer peer knows must not make its message unreadable. */
static enum dub_error_code code_of(const char *name)
{
    enum dub_error_code code = dub_error_code_from_name(name);
    return code == DUB_ERROR_CODE_COUNT || code == DUB_ERROR_NONE ? DUB_ERROR_INTERNAL : code;
}

void contract_read_error(struct dub_json_reader *reader, struct dub_error *error)
{
    g_autofree char *code = contract_read_string(reader, "code", DUB_NAME_BYTES_MAX);
    g_autofree char *message = contract_read_string_or_null(reader, "message", DUB_TEXT_BYTES_MAX);
    g_autofree char *stage = contract_read_string_or_null(reader, "stage", DUB_NAME_BYTES_MAX);
    bool retryable = dub_json_read_bool_or(reader, "retryable", dub_error_code_retryable(code_of(code)));
    if (*reader->failed)
        return;
    enum dub_stage known = dub_stage_from_name(stage ? stage : "");
    dub_error_set_stage(error, code_of(code), known == DUB_STAGE_COUNT ? DUB_STAGE_NONE : known, "%s",
                        message ? message : "");
    error->retryable = retryable;
}

enum dub_error_code dub_wire_error_code(enum dub_error_code code)
{
    switch (code) {
    case DUB_ERROR_INVALID_ARGUMENT:
    case DUB_ERROR_NOT_FOUND:
    case DUB_ERROR_PROTOCOL:
    case DUB_ERROR_UNSUPPORTED:
        return DUB_ERROR_INVALID_CONFIG;
    case DUB_ERROR_LIMIT:
        return DUB_ERROR_FRAGMENT_TOO_LARGE;
    case DUB_ERROR_CANCELLED:
        return DUB_ERROR_TIMEOUT;
    case DUB_ERROR_IO:
    case DUB_ERROR_UNAVAILABLE:
    case DUB_ERROR_BREAKER_OPEN:
    case DUB_ERROR_INTERNAL:
        return DUB_ERROR_MODEL_ERROR;
    default:
        return code;
    }
}

JsonObject *contract_error_to_object(const struct dub_error *error)
{
    JsonObject *object = json_object_new();
    if (error->stage != DUB_STAGE_NONE)
        json_object_set_string_member(object, "stage", dub_stage_name(error->stage));
    json_object_set_string_member(object, "code", dub_error_code_name(dub_wire_error_code(error->code)));
    json_object_set_string_member(object, "message", error->message);
    json_object_set_boolean_member(object, "retryable", error->retryable);
    return object;
}

void contract_set_string(JsonObject *object, const char *name, const char *value)
{
    if (value)
        json_object_set_string_member(object, name, value);
}

JsonNode *contract_node_take(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}
