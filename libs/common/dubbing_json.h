/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading JSON from outside: typed, checked, with messages that name the field.
 *
 * A reader walks one object; the first problem is kept and every later read returns the fallback, so that a
 * structure is read whole and checked once, like the byte reader. Unknown members are ignored. */
#pragma once

#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_JSON_MAX_DEPTH 32
/* In json-glib a member whose name repeats, or collides with others in the hash table, takes a time that
 * grows with their number; and a value of one byte takes about a hundred. */
#define DUB_JSON_MAX_MEMBERS 4096 /* in one object, those that repeat a name among them */
#define DUB_JSON_MAX_VALUES 65536 /* in one text */

/* Parses UTF-8 text of one JSON value (RFC 8259) within the limits above; NULL with error otherwise. Strict:
 * no comments, no trailing text. Of members that share a name the last counts. A number beyond int64_t is a
 * double, one beyond a double the largest or smallest finite one. The caller owns the node. */
JsonNode *dub_json_parse(const char *text, gsize size, struct dub_error *error);
/* Compact text, UTF-8. Owned by the caller. */
char *dub_json_to_string(JsonNode *node);
/* Takes the object; compact text. */
char *dub_json_object_to_string_take(JsonObject *object);

struct dub_json_reader {
    JsonObject *object;       /* borrowed; NULL once failed or absent: reads give fallbacks */
    const char *path;         /* "audio.": what stands before field names in messages */
    struct dub_error *error;  /* shared by the sub-readers; first problem wins */
    enum dub_error_code code; /* what a problem is reported as */
    bool *failed;
};

/* node must hold an object, else the error is set. failed starts false. */
struct dub_json_reader dub_json_reader_on(JsonNode *node, enum dub_error_code code, bool *failed,
                                          struct dub_error *error);
/* The object at `name`; required: its absence is a problem, otherwise a reader with object NULL. path as
 * above. */
struct dub_json_reader dub_json_read_object(struct dub_json_reader *reader, const char *name,
                                            const char *path, bool required);

/* Required forms set the error on absence; all set it on a wrong type or range. Strings are borrowed from the
 * JSON; max_chars bounds their UTF-8 bytes (0: 4096). */
const char *dub_json_read_string(struct dub_json_reader *reader, const char *name, gsize max_bytes);
const char *dub_json_read_string_or(struct dub_json_reader *reader, const char *name, gsize max_bytes,
                                    const char *fallback);
/* A JSON number without fraction (1.0 counts as 1). */
int64_t dub_json_read_int(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max);
int64_t dub_json_read_int_or(struct dub_json_reader *reader, const char *name, int64_t min, int64_t max,
                             int64_t fallback);
double dub_json_read_double_or(struct dub_json_reader *reader, const char *name, double fallback);
bool dub_json_read_bool(struct dub_json_reader *reader, const char *name);
bool dub_json_read_bool_or(struct dub_json_reader *reader, const char *name, bool fallback);
