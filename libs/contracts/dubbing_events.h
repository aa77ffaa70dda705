/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every Socket.IO event between media-worker and sts-service, as a C struct with its JSON both ways and its
 * checks.
 *
 * Each event has the same three functions:
 *   x_read     fills a struct from JSON. It overwrites the struct (the caller need not initialise it) and
 * copies what it keeps. On false, error names the field and what was allowed; the struct must be cleared all
 * the same. x_to_json  a new JSON object node, owned by the caller. Absent optional members are left out.
 *   x_clear    frees what the members own and zeroes the struct; fine on a zeroed one.
 * Members of type char * and GBytes * are owned by the struct; NULL means absent. No threads, no state: any
 * thread.
 *
 * Unknown JSON members are ignored. Numbers and lengths are held against the named limits below. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Names of the events, as on the wire. */
#define DUB_EVENT_STREAM_INIT "stream:init"
#define DUB_EVENT_STREAM_READY "stream:ready"
#define DUB_EVENT_STREAM_PAUSE "stream:pause"
#define DUB_EVENT_STREAM_RESUME "stream:resume"
#define DUB_EVENT_STREAM_END "stream:end"
#define DUB_EVENT_STREAM_COMPLETE "stream:complete"
#define DUB_EVENT_FRAGMENT_DATA "fragment:data"
#define DUB_EVENT_FRAGMENT_ACK "fragment:ack"
#define DUB_EVENT_FRAGMENT_PROCESSED "fragment:processed"
#define DUB_EVENT_BACKPRESSURE "backpressure"
#define DUB_EVENT_ERROR "error"
#define DUB_EVENT_ERROR_SIMULATION "config:error_simulation"
#define DUB_EVENT_ERROR_SIMULATION_ACK "config:error_simulation:ack"
#define DUB_EVENT_BACKPRESSURE_SIMULATION "config:backpressure_simulation"

/* Limits, inclusive. */
#define DUB_CHUNK_DURATION_MS_MIN 100
#define DUB_CHUNK_DURATION_MS_MAX 10000
#define DUB_CHUNK_DURATION_MS_DEFAULT 6000
#define DUB_SAMPLE_RATE_HZ_MIN 8000
#define DUB_SAMPLE_RATE_HZ_MAX 96000
#define DUB_SAMPLE_RATE_HZ_DEFAULT 24000
#define DUB_CHANNELS_MIN 1
#define DUB_CHANNELS_MAX 2
#define DUB_MAX_INFLIGHT_MIN 1
#define DUB_MAX_INFLIGHT_MAX 10
#define DUB_MAX_INFLIGHT_DEFAULT 3
#define DUB_TIMEOUT_MS_MIN 1000
#define DUB_TIMEOUT_MS_MAX 30000
#define DUB_TIMEOUT_MS_DEFAULT 8000
#define DUB_FRAGMENT_DURATION_MS_MAX 60000
#define DUB_AUDIO_BASE64_BYTES_MAX (10u * 1024 * 1024) /* of the encoded text */
#define DUB_SEQUENCE_MAX INT64_C(0x7fffffff)
#define DUB_UNIX_MS_MAX INT64_C(253402300799999) /* end of the year 9999 */
#define DUB_LANGUAGE_BYTES_MAX 35                /* RFC 5646 section 4.4.1 */
#define DUB_VOICE_PROFILE_BYTES_MAX 64
#define DUB_DOMAIN_HINTS_MAX 64
#define DUB_DOMAIN_HINT_BYTES_MAX 128
#define DUB_GLOSSARY_TERMS_MAX 128 /* in each of its two lists */
#define DUB_GLOSSARY_TERM_BYTES_MAX 128
#define DUB_TEXT_BYTES_MAX 65536 /* a transcript, a translation */
#define DUB_NAME_BYTES_MAX 256   /* models, ids, reasons */
#define DUB_SIMULATION_RULES_MAX 100

/* Each X(enum suffix, wire name) list gives an enum, dub_<list>_name() and dub_<list>_from_name(), the latter
 * returning the _COUNT value for a name that is not in it. */
#define DUB_AUDIO_FORMATS(X)                                                                                 \
    X(PCM_S16LE, "pcm_s16le")                                                                                \
    X(M4A, "m4a")
#define DUB_ACK_STATUSES(X)                                                                                  \
    X(RECEIVED, "received")                                                                                  \
    X(APPLIED, "applied")                                                                                    \
    X(QUEUED, "queued")                                                                                      \
    X(PROCESSING, "processing")
#define DUB_FRAGMENT_STATUSES(X)                                                                             \
    X(SUCCESS, "success")                                                                                    \
    X(PARTIAL, "partial")                                                                                    \
    X(FAILED, "failed")
#define DUB_PRESSURE_SEVERITIES(X)                                                                           \
    X(LOW, "low")                                                                                            \
    X(MEDIUM, "medium")                                                                                      \
    X(HIGH, "high")
#define DUB_PRESSURE_ACTIONS(X)                                                                              \
    X(NONE, "none")                                                                                          \
    X(SLOW_DOWN, "slow_down")                                                                                \
    X(PAUSE, "pause")
#define DUB_ERROR_SEVERITIES(X)                                                                              \
    X(WARNING, "warning")                                                                                    \
    X(ERROR, "error")                                                                                        \
    X(FATAL, "fatal")
#define DUB_SIMULATION_TRIGGERS(X)                                                                           \
    X(SEQUENCE_NUMBER, "sequence_number")                                                                    \
    X(FRAGMENT_ID, "fragment_id")                                                                            \
    X(NTH_FRAGMENT, "nth_fragment")

#define X(name, wire) DUB_FORMAT_##name,
enum dub_audio_format { DUB_AUDIO_FORMATS(X) DUB_FORMAT_COUNT };
#undef X
#define X(name, wire) DUB_ACK_##name,
enum dub_ack_status { DUB_ACK_STATUSES(X) DUB_ACK_COUNT };
#undef X
#define X(name, wire) DUB_FRAGMENT_##name,
enum dub_fragment_status { DUB_FRAGMENT_STATUSES(X) DUB_FRAGMENT_COUNT };
#undef X
#define X(name, wire) DUB_PRESSURE_##name,
enum dub_pressure_severity { DUB_PRESSURE_SEVERITIES(X) DUB_PRESSURE_COUNT };
#undef X
#define X(name, wire) DUB_ACTION_##name,
enum dub_pressure_action { DUB_PRESSURE_ACTIONS(X) DUB_ACTION_COUNT };
#undef X
#define X(name, wire) DUB_SEVERITY_##name,
enum dub_error_severity { DUB_ERROR_SEVERITIES(X) DUB_SEVERITY_COUNT };
#undef X
#define X(name, wire) DUB_TRIGGER_##name,
enum dub_simulation_trigger { DUB_SIMULATION_TRIGGERS(X) DUB_TRIGGER_COUNT };
#undef X

const char *dub_audio_format_name(enum dub_audio_format value);
const char *dub_ack_status_name(enum dub_ack_status value);
const char *dub_fragment_status_name(enum dub_fragment_status value);
const char *dub_pressure_severity_name(enum dub_pressure_severity value);
const char *dub_pressure_action_name(enum dub_pressure_action value);
const char *dub_error_severity_name(enum dub_error_severity value);
const char *dub_simulation_trigger_name(enum dub_simulation_trigger value);
enum dub_audio_format dub_audio_format_from_name(const char *name);
enum dub_ack_status dub_ack_status_from_name(const char *name);
enum dub_fragment_status dub_fragment_status_from_name(const char *name);
enum dub_pressure_severity dub_pressure_severity_from_name(const char *name);
enum dub_pressure_action dub_pressure_action_from_name(const char *name);
enum dub_error_severity dub_error_severity_from_name(const char *name);
enum dub_simulation_trigger dub_simulation_trigger_from_name(const char *name);

/* Audio as it travels. data is the decoded bytes; base64 exists only on the wire. */
struct dub_audio {
    enum dub_audio_format format;
    int sample_rate_hz;
    int channels;
    int64_t duration_ms; /* 0..DUB_FRAGMENT_DURATION_MS_MAX, as said by the sender */
    GBytes *data;        /* pcm_s16le: little-endian S16, interleaved; m4a: a whole MP4 file */
};

void dub_audio_clear(struct dub_audio *audio);
/* Samples per channel of pcm_s16le data; 0 for other formats or no data. */
int64_t dub_audio_frames(const struct dub_audio *audio);
/* The duration of pcm_s16le data in ms, rounded. */
int64_t dub_audio_measured_ms(const struct dub_audio *audio);
/* True when said and measured duration of pcm_s16le differ by at most 20 % of the measured one (or by the 1
 * ms of rounding). Otherwise INVALID_AUDIO_FORMAT. Data that is not whole frames is refused too. */
bool dub_audio_check_duration(const struct dub_audio *audio, struct dub_error *error);
/* The same rule for audio of any format whose length somebody has measured. */
bool dub_audio_check_measured(const struct dub_audio *audio, int64_t measured_ms, struct dub_error *error);

/* The protocol's codes are all that a peer has to know: what a peer or a metric is told instead of a code
 * that is local to a process. Those of the protocol are their own. */
enum dub_error_code dub_wire_error_code(enum dub_error_code code);

/* ---- worker to service ---- */

/* An extension of ours (docs/contracts.md): terms for the translator. */
struct dub_glossary {
    char **keep;    /* as they are written here; NULL-terminated; NULL: none */
    char **replace; /* term, translation, term, translation; likewise */
};
void dub_glossary_clear(struct dub_glossary *glossary);

struct dub_stream_config {
    char *source_language; /* RFC 5646 tag: "en", "pt-BR" */
    char *target_language;
    char *voice_profile;
    int chunk_duration_ms;
    int sample_rate_hz; /* what the worker sends and wants back */
    int channels;
    enum dub_audio_format format;
    char **domain_hints; /* NULL-terminated; NULL: none */
    struct dub_glossary glossary;
};

struct dub_stream_init {
    char *stream_id;
    char *worker_id;
    struct dub_stream_config config;
    int max_inflight;
    int timeout_ms;
};

/* Sets the defaults and no strings. */
void dub_stream_init_init(struct dub_stream_init *init);
/* Problems are INVALID_CONFIG. */
bool dub_stream_init_read(struct dub_stream_init *init, JsonNode *node, struct dub_error *error);
JsonNode *dub_stream_init_to_json(const struct dub_stream_init *init);
void dub_stream_init_clear(struct dub_stream_init *init);

struct dub_fragment_metadata {
    int64_t pts_ns;          /* -1: absent */
    int64_t source_pts_ns;   /* -1: absent */
    int64_t max_duration_ms; /* the slot that the dub may fill; 0: absent, the fragment's own duration */
};

struct dub_fragment_data {
    char *fragment_id; /* UUID */
    char *stream_id;
    int64_t sequence_number; /* from 0, +1 each */
    int64_t timestamp_ms;    /* Unix time of sending */
    struct dub_audio audio;
    struct dub_fragment_metadata metadata;
    bool addressed; /* fragment_id, stream_id and sequence_number are valid: set by _read, not on the wire */
};

void dub_fragment_data_init(struct dub_fragment_data *fragment);
/* fragment_id, stream_id and sequence_number alone, before megabytes of audio are decoded. Problems are
 * INVALID_CONFIG. */
bool dub_fragment_address_read(struct dub_fragment_data *fragment, JsonNode *node, struct dub_error *error);
/* Problems of audio are INVALID_AUDIO_FORMAT or FRAGMENT_TOO_LARGE, others INVALID_CONFIG. On false with
 * fragment->addressed the failure can still take its turn in the sequence. Says nothing about whether the
 * duration matches the data: that is dub_audio_check_duration. */
bool dub_fragment_data_read(struct dub_fragment_data *fragment, JsonNode *node, struct dub_error *error);
JsonNode *dub_fragment_data_to_json(const struct dub_fragment_data *fragment);
void dub_fragment_data_clear(struct dub_fragment_data *fragment);

/* stream:pause, stream:resume, stream:end. */
struct dub_stream_control {
    char *stream_id;
    char *reason; /* may be NULL */
};

bool dub_stream_control_read(struct dub_stream_control *control, JsonNode *node, struct dub_error *error);
JsonNode *dub_stream_control_to_json(const struct dub_stream_control *control);
void dub_stream_control_clear(struct dub_stream_control *control);

struct dub_simulation_rule {
    enum dub_simulation_trigger trigger;
    int64_t number;    /* the sequence_number; or n: the n-th fragment of the stream, from 1 */
    char *fragment_id; /* for DUB_TRIGGER_FRAGMENT_ID */
    struct dub_error error;
};

struct dub_error_simulation {
    bool enabled;
    struct dub_simulation_rule *rules;
    unsigned n_rules;
};

bool dub_error_simulation_read(struct dub_error_simulation *simulation, JsonNode *node,
                               struct dub_error *error);
JsonNode *dub_error_simulation_to_json(const struct dub_error_simulation *simulation);
void dub_error_simulation_clear(struct dub_error_simulation *simulation);

struct dub_backpressure_simulation {
    bool enabled;
    int threshold; /* in flight from which it is sent; default 1 */
    enum dub_pressure_severity severity;
    enum dub_pressure_action action;
    int recommended_delay_ms;
};

bool dub_backpressure_simulation_read(struct dub_backpressure_simulation *simulation, JsonNode *node,
                                      struct dub_error *error);
JsonNode *dub_backpressure_simulation_to_json(const struct dub_backpressure_simulation *simulation);

/* ---- both ways ---- */

struct dub_fragment_ack {
    char *fragment_id;
    enum dub_ack_status status;
    int64_t timestamp_ms;
    int queue_position;              /* -1: absent */
    int64_t estimated_completion_ms; /* -1: absent */
};

bool dub_fragment_ack_read(struct dub_fragment_ack *ack, JsonNode *node, struct dub_error *error);
/* A worker's: its status is received or applied. */
bool dub_worker_ack_read(struct dub_fragment_ack *ack, JsonNode *node, struct dub_error *error);
JsonNode *dub_fragment_ack_to_json(const struct dub_fragment_ack *ack);
void dub_fragment_ack_clear(struct dub_fragment_ack *ack);

/* ---- service to worker ---- */

struct dub_stream_ready {
    char *stream_id;
    char *session_id;
    int max_inflight;
    bool batch_processing; /* capabilities */
    bool async_delivery;
};

bool dub_stream_ready_read(struct dub_stream_ready *ready, JsonNode *node, struct dub_error *error);
JsonNode *dub_stream_ready_to_json(const struct dub_stream_ready *ready);
void dub_stream_ready_clear(struct dub_stream_ready *ready);

struct dub_stage_timings {
    int64_t asr_ms, translation_ms, tts_ms; /* 0 when the stage did not run */
};

struct dub_processing_metadata {
    int64_t original_duration_ms;
    int64_t dubbed_duration_ms;
    double duration_variance_percent;
    double speed_ratio; /* 0: absent */
    char *asr_model, *translation_model, *tts_model;
};

struct dub_fragment_processed {
    char *fragment_id;
    char *stream_id;
    int64_t sequence_number;
    enum dub_fragment_status status;
    struct dub_audio dubbed_audio; /* data NULL: absent; required for success and partial */
    char *transcript;
    char *translated_text;
    int64_t processing_time_ms;
    struct dub_stage_timings stage_timings;
    struct dub_error error; /* code NONE: absent; required for failed. A code that is not in our table reads
                               as INTERNAL with the retryable that was sent */
    struct dub_processing_metadata metadata;
};

bool dub_fragment_processed_read(struct dub_fragment_processed *processed, JsonNode *node,
                                 struct dub_error *error);
JsonNode *dub_fragment_processed_to_json(const struct dub_fragment_processed *processed);
void dub_fragment_processed_clear(struct dub_fragment_processed *processed);

struct dub_backpressure {
    char *stream_id;
    enum dub_pressure_severity severity;
    enum dub_pressure_action action;
    int current_inflight;
    int max_inflight;
    int queue_depth;
    char *threshold_exceeded; /* which one; NULL: none */
    int recommended_delay_ms;
};

bool dub_backpressure_read(struct dub_backpressure *pressure, JsonNode *node, struct dub_error *error);
JsonNode *dub_backpressure_to_json(const struct dub_backpressure *pressure);
void dub_backpressure_clear(struct dub_backpressure *pressure);

struct dub_stream_complete {
    char *stream_id;
    int64_t total_fragments;
    int64_t total_duration_ms; /* of the audio sent */
    int64_t success_count, partial_count, failed_count;
    double avg_processing_time_ms;
    double p95_processing_time_ms;
    int64_t errors_by_stage[DUB_STAGE_COUNT];
    int64_t errors_by_code[DUB_ERROR_CODE_COUNT];
};

bool dub_stream_complete_read(struct dub_stream_complete *complete, JsonNode *node, struct dub_error *error);
/* Writes the counts twice: at the top and inside "statistics", as the protocol says. */
JsonNode *dub_stream_complete_to_json(const struct dub_stream_complete *complete);
void dub_stream_complete_clear(struct dub_stream_complete *complete);

struct dub_error_event {
    char *error_id;
    char *stream_id;   /* may be NULL */
    char *fragment_id; /* may be NULL */
    enum dub_error_severity severity;
    struct dub_error error;
};

bool dub_error_event_read(struct dub_error_event *event, JsonNode *node, struct dub_error *error);
JsonNode *dub_error_event_to_json(const struct dub_error_event *event);
void dub_error_event_clear(struct dub_error_event *event);

struct dub_error_simulation_ack {
    bool configured;
    int rules_count;
    char *error_message; /* NULL when configured */
};

bool dub_error_simulation_ack_read(struct dub_error_simulation_ack *ack, JsonNode *node,
                                   struct dub_error *error);
JsonNode *dub_error_simulation_ack_to_json(const struct dub_error_simulation_ack *ack);
void dub_error_simulation_ack_clear(struct dub_error_simulation_ack *ack);
