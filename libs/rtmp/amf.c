/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_amf.h"

#include <string.h>

/* Wire markers that read as one of the types above (section 2.1). */
enum {
    MARKER_UNDEFINED = 6,
    MARKER_REFERENCE = 7,
    MARKER_ECMA_ARRAY = 8,
    MARKER_OBJECT_END = 9,
    MARKER_LONG_STRING = 12,
    MARKER_UNSUPPORTED = 13,
    MARKER_XML = 15,
    MARKER_TYPED_OBJECT = 16,
};

struct amf_parser {
    struct dub_reader *bytes;
    unsigned depth;
    unsigned n_values;
    struct dub_error *error;
};

static void amf_value_free(gpointer data)
{
    struct amf_value *value = data;
    if (value == NULL)
        return;
    g_free(value->string);
    if (value->members != NULL)
        g_ptr_array_unref(value->members);
    g_free(value);
}

static void amf_member_free(gpointer data)
{
    struct amf_member *member = data;
    g_free(member->name);
    amf_value_free(member->value);
    g_free(member);
}

static bool fail(struct amf_parser *parser, const char *what)
{
    return dub_error_set(parser->error, DUB_ERROR_PROTOCOL, "AMF0: %s at byte %zu", what, parser->bytes->at);
}

static char *read_text(struct amf_parser *parser, size_t size)
{
    const char *bytes = (const char *)dub_read_bytes(parser->bytes, size);
    bool usable = bytes != NULL && g_utf8_validate_len(bytes, size, NULL);
    return g_strndup(usable ? bytes : "", usable ? size : 0);
}

static struct amf_value *read_value(struct amf_parser *parser);

static void add_member(struct amf_value *object, char *take_name, struct amf_value *take_value)
{
    struct amf_member *member = g_new(struct amf_member, 1);
    member->name = take_name;
    member->value = take_value;
    g_ptr_array_add(object->members, member);
}

/* Names and values up to the empty name with the end marker (section 2.5). */
static bool read_members(struct amf_parser *parser, struct amf_value *object)
{
    object->type = AMF_OBJECT;
    object->members = g_ptr_array_new_with_free_func(amf_member_free);
    for (;;) {
        uint16_t name_bytes = dub_read_be16(parser->bytes);
        g_autofree char *name = read_text(parser, name_bytes);
        if (parser->bytes->failed)
            return fail(parser, "an object without end");
        if (name_bytes == 0 && dub_reader_left(parser->bytes) > 0 &&
            parser->bytes->data[parser->bytes->at] == MARKER_OBJECT_END)
            return dub_reader_skip(parser->bytes, 1);
        struct amf_value *value = read_value(parser);
        if (value == NULL)
            return false;
        add_member(object, g_steal_pointer(&name), value);
    }
}

/* The count is only believed as far as values really follow. */
static bool read_array(struct amf_parser *parser, struct amf_value *array)
{
    array->members = g_ptr_array_new_with_free_func(amf_member_free);
    for (uint32_t left = dub_read_be32(parser->bytes); left > 0; left--) {
        struct amf_value *value = read_value(parser);
        if (value == NULL)
            return false;
        add_member(array, g_strdup(""), value);
    }
    return true;
}

static bool read_number(struct amf_parser *parser, struct amf_value *value)
{
    value->number = dub_read_be_double(parser->bytes);
    if (value->type == AMF_DATE)
        dub_reader_skip(parser->bytes, 2); /* time zone: reserved, zero */
    return true;
}

static bool read_string(struct amf_parser *parser, struct amf_value *value, bool is_long)
{
    value->type = AMF_STRING;
    value->string = read_text(parser, is_long ? dub_read_be32(parser->bytes) : dub_read_be16(parser->bytes));
    return true;
}

static bool read_null(struct amf_parser *parser, struct amf_value *value, uint8_t marker)
{
    value->type = AMF_NULL;
    if (marker == MARKER_REFERENCE)
        dub_reader_skip(parser->bytes, 2);
    return true;
}

static bool read_content(struct amf_parser *parser, struct amf_value *value, uint8_t marker)
{
    switch (marker) {
    case AMF_NUMBER:
    case AMF_DATE:
        return read_number(parser, value);
    case AMF_BOOLEAN:
        value->number = dub_read_u8(parser->bytes) != 0;
        return true;
    case AMF_STRING:
        return read_string(parser, value, false);
    case MARKER_LONG_STRING:
    case MARKER_XML:
        return read_string(parser, value, true);
    case MARKER_TYPED_OBJECT:
        dub_reader_skip(parser->bytes, dub_read_be16(parser->bytes)); /* class name */
        return read_members(parser, value);
    case MARKER_ECMA_ARRAY:
        dub_reader_skip(parser->bytes, 4); /* a count that need not be right (section 2.10) */
        return read_members(parser, value);
    case AMF_OBJECT:
        return read_members(parser, value);
    case AMF_ARRAY:
        return read_array(parser, value);
    case AMF_NULL:
    case MARKER_UNDEFINED:
    case MARKER_UNSUPPORTED:
    case MARKER_REFERENCE:
        return read_null(parser, value, marker);
    default:
        return fail(parser, "an unknown type");
    }
}

static struct amf_value *read_value(struct amf_parser *parser)
{
    if (parser->depth >= AMF_MAX_DEPTH || parser->n_values >= AMF_MAX_VALUES) {
        fail(parser, parser->depth >= AMF_MAX_DEPTH ? "nested too deep" : "too many values");
        return NULL;
    }
    uint8_t marker = dub_read_u8(parser->bytes);
    struct amf_value *value = g_new0(struct amf_value, 1);
    value->type = (enum amf_type)marker;
    parser->depth++;
    parser->n_values++;
    bool fine = read_content(parser, value, marker);
    parser->depth--;
    if (fine && parser->bytes->failed)
        fine = fail(parser, "cut off");
    if (!fine)
        g_clear_pointer(&value, amf_value_free);
    return value;
}

GPtrArray *amf_read_all(struct dub_reader *reader, struct dub_error *error)
{
    struct amf_parser parser = {.bytes = reader, .error = error};
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(amf_value_free);
    while (dub_reader_left(reader) > 0) {
        struct amf_value *value = read_value(&parser);
        if (value == NULL)
            return NULL;
        g_ptr_array_add(values, value);
    }
    return g_steal_pointer(&values);
}

const struct amf_value *amf_at(const GPtrArray *values, guint index)
{
    return index < values->len ? values->pdata[index] : NULL;
}

const struct amf_value *amf_member(const struct amf_value *object, const char *name)
{
    if (object == NULL || object->type != AMF_OBJECT)
        return NULL;
    for (guint i = 0; i < object->members->len; i++) {
        const struct amf_member *member = object->members->pdata[i];
        if (strcmp(member->name, name) == 0)
            return member->value;
    }
    return NULL;
}

double amf_number_or(const struct amf_value *value, double fallback)
{
    return value != NULL && value->type == AMF_NUMBER ? value->number : fallback;
}

const char *amf_string_or(const struct amf_value *value, const char *fallback)
{
    return value != NULL && value->type == AMF_STRING ? value->string : fallback;
}

void amf_write_number(GByteArray *out, double value)
{
    dub_write_u8(out, AMF_NUMBER);
    dub_write_be_double(out, value);
}

void amf_write_boolean(GByteArray *out, bool value)
{
    dub_write_u8(out, AMF_BOOLEAN);
    dub_write_u8(out, value);
}

void amf_write_string(GByteArray *out, const char *value)
{
    dub_write_u8(out, AMF_STRING);
    amf_write_name(out, value);
}

void amf_write_null(GByteArray *out)
{
    dub_write_u8(out, AMF_NULL);
}

void amf_write_object_begin(GByteArray *out)
{
    dub_write_u8(out, AMF_OBJECT);
}

void amf_write_ecma_array_begin(GByteArray *out, uint32_t n_members)
{
    dub_write_u8(out, MARKER_ECMA_ARRAY);
    dub_write_be32(out, n_members);
}

void amf_write_name(GByteArray *out, const char *name)
{
    size_t size = strlen(name);
    g_assert(size <= UINT16_MAX);
    dub_write_be16(out, (uint16_t)size);
    dub_write_bytes(out, name, size);
}

void amf_write_object_end(GByteArray *out)
{
    dub_write_be16(out, 0);
    dub_write_u8(out, MARKER_OBJECT_END);
}
