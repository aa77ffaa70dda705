/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AMF0, the value format of RTMP commands and metadata (Adobe AMF0 specification, 2007).
 *
 * Reading gives a tree, with limits on depth and on the number of values, as it comes from outside. Writing
 * appends to a GByteArray. */
#pragma once

#include <dubbing_bytes.h>
#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

#define AMF_MAX_DEPTH 16
/* Of one message. */
#define AMF_MAX_VALUES 1024

enum amf_type {
    AMF_NUMBER = 0,
    AMF_BOOLEAN = 1,
    AMF_STRING = 2, /* long strings and XML documents too */
    AMF_OBJECT = 3, /* ECMA arrays and typed objects too */
    AMF_NULL = 5,   /* undefined, references and "unsupported" too */
    AMF_ARRAY = 10,
    AMF_DATE = 11, /* number: ms since 1970, UTC */
};

struct amf_value {
    enum amf_type type;
    double number;      /* AMF_NUMBER, AMF_DATE; 0 or 1 for AMF_BOOLEAN */
    char *string;       /* AMF_STRING: UTF-8 without NUL, "" when the bytes were not that */
    GPtrArray *members; /* AMF_OBJECT and AMF_ARRAY: struct amf_member */
};

struct amf_member {
    char *name; /* "" in an AMF_ARRAY */
    struct amf_value *value;
};

/* All values up to the end of the data, NULL with error when something is broken or too much. The elements
 * are struct amf_value *, freed with the array. */
GPtrArray *amf_read_all(struct dub_reader *reader, struct dub_error *error);

/* The value at an index of amf_read_all's array; NULL beyond its end. */
const struct amf_value *amf_at(const GPtrArray *values, guint index);
/* NULL when object is NULL, no object, or has no such member. */
const struct amf_value *amf_member(const struct amf_value *object, const char *name);
/* Fallbacks for NULL and other types. Strings are borrowed. */
double amf_number_or(const struct amf_value *value, double fallback);
const char *amf_string_or(const struct amf_value *value, const char *fallback);

void amf_write_number(GByteArray *out, double value);
void amf_write_boolean(GByteArray *out, bool value);
/* At most 65535 bytes (asserted: we write our own). */
void amf_write_string(GByteArray *out, const char *value);
void amf_write_null(GByteArray *out);
/* Name and value pairs come between begin and end: amf_write_name, then one value. */
void amf_write_object_begin(GByteArray *out);
/* The same, as metadata is written: n_members is a hint to readers. */
void amf_write_ecma_array_begin(GByteArray *out, uint32_t n_members);
void amf_write_name(GByteArray *out, const char *name);
void amf_write_object_end(GByteArray *out);
