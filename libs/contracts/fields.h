/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the contract files share on top of the JSON reader: owned strings, names of enums, tolerant numbers,
 * audio and errors as members. A problem is reported on the reader, first one wins, as dubbing_json.h says.
 */
#pragma once

#include <dubbing_events.h>
#include <dubbing_json.h>

#define CONTRACT_COUNT_MAX (INT64_C(1) << 53) /* what a JSON number holds exactly */
#define CONTRACT_TIME_MS_MAX DUB_UNIX_MS_MAX

/* The wire names of an enum, in its order. */
struct contract_names {
    const char *const *names;
    unsigned count;
};

#define CONTRACT_NAME(name, wire) (wire),
/* Defines PREFIX_name(), PREFIX_from_name() and the table contract_PREFIX. */
#define CONTRACT_DEFINE_NAMES(prefix, LIST, tag)                                                             \
    static const char *const prefix##_wire[] = {LIST(CONTRACT_NAME)};                                        \
    const struct contract_names contract_##prefix = {prefix##_wire, G_N_ELEMENTS(prefix##_wire)};            \
    const char *prefix##_name(enum tag value)                                                                \
    {                                                                                                        \
        return contract_name_of(&contract_##prefix, (unsigned)value);                                        \
    }                                                                                                        \
    enum tag prefix##_from_name(const char *name)                                                            \
    {                                                                                                        \
        return contract_index_of(&contract_##prefix, name);                                                  \
    }

extern const struct contract_names contract_dub_audio_format;
extern const struct contract_names contract_dub_ack_status;
extern const struct contract_names contract_dub_fragment_status;
extern const struct contract_names contract_dub_pressure_severity;
extern const struct contract_names contract_dub_pressure_action;
extern const struct contract_names contract_dub_error_severity;
extern const struct contract_names contract_dub_simulation_trigger;

/* "" for a value beyond the table. */
const char *contract_name_of(const struct contract_names *names, unsigned value);
/* names->count when there is none such. name may be NULL. */
unsigned contract_index_of(const struct contract_names *names, const char *name);

/* Reports "<path><name>: <message>" on the reader unless something was reported before. */
void contract_problem(struct dub_json_reader *reader, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Required and not empty. */
char *contract_read_string(struct dub_json_reader *reader, const char *name, gsize max_bytes);
/* NULL when absent. */
char *contract_read_string_or_null(struct dub_json_reader *reader, const char *name, gsize max_bytes);
/* Required, may be empty. */
char *contract_read_text(struct dub_json_reader *reader, const char *name, gsize max_bytes);
char *contract_read_uuid(struct dub_json_reader *reader, const char *name);
char *contract_read_id(struct dub_json_reader *reader, const char *name);
/* A language tag, RFC 5646 in form: letters, then parts of letters and digits joined by "-". */
char *contract_read_language(struct dub_json_reader *reader, const char *name);

/* An index in names. fallback -1: required. On a problem 0. */
int contract_read_choice(struct dub_json_reader *reader, const char *name, const struct contract_names *names,
                         int fallback);

/* A time or count in which a fraction is allowed and rounded off: peers measure with floating point. */
int64_t contract_read_rounded(struct dub_json_reader *reader, const char *name, int64_t max);
int64_t contract_read_rounded_or(struct dub_json_reader *reader, const char *name, int64_t max,
                                 int64_t fallback);
/* Finite, within min..max. */
double contract_read_double_or(struct dub_json_reader *reader, const char *name, double min, double max,
                               double fallback);

/* The object at name; a problem there is INVALID_AUDIO_FORMAT or FRAGMENT_TOO_LARGE. Absent and not required:
 * data stays NULL. */
void contract_read_audio(struct dub_json_reader *parent, const char *name, bool required,
                         struct dub_audio *audio);
JsonObject *contract_audio_to_object(const struct dub_audio *audio);

/* The optional object "glossary" of a stream's configuration. */
void contract_read_glossary(struct dub_json_reader *parent, struct dub_glossary *glossary);
JsonObject *contract_glossary_to_object(const struct dub_glossary *glossary);

/* {stage, code, message, retryable}; "code" is required. Written as dub_wire_error_code() has it. */
void contract_read_error(struct dub_json_reader *reader, struct dub_error *error);
JsonObject *contract_error_to_object(const struct dub_error *error);

/* Nothing for NULL. */
void contract_set_string(JsonObject *object, const char *name, const char *value);
/* Takes the object. */
JsonNode *contract_node_take(JsonObject *object);
/* Whether the member is there and not null. */
bool contract_has(const struct dub_json_reader *reader, const char *name);

/* What fragment:data and the REST call have in common; timed: "timestamp" is required. */
void contract_read_fragment(struct dub_json_reader *reader, bool timed, struct dub_fragment_data *fragment);
