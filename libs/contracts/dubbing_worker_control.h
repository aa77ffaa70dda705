/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket of a media-worker, and of an egress-forwarder, which speaks the same: newline-delimited
 * JSON objects, the kind in "type" (worker to client) or "command" (client to worker). The functions follow
 * the rules of dubbing_events.h; problems are INVALID_ARGUMENT. */
#pragma once

#include <dubbing_error.h>
#include <dubbing_ledger.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DUB_CONTROL_LINE_BYTES_MAX (256u * 1024) /* a longer line is a protocol error */
#define DUB_CONTROL_RTT_BUCKETS 9                /* 50, 100, 250, 500, 1000, 2000, 4000, 8000 ms, +Inf */
#define DUB_CONTROL_MAP_MAX 64                   /* kinds of fallbacks and bus errors */

#define DUB_WORKER_STATES(X)                                                                                 \
    X(CONNECTING, "connecting")                                                                              \
    X(RUNNING, "running")                                                                                    \
    X(RECONNECTING, "reconnecting")                                                                          \
    X(DRAINING, "draining")
#define DUB_BREAKER_NAMES(X)                                                                                 \
    X(CLOSED, "closed")                                                                                      \
    X(HALF_OPEN, "half_open")                                                                                \
    X(OPEN, "open")
#define DUB_CONTROL_PRESSURES(X)                                                                             \
    X(NONE, "none")                                                                                          \
    X(LOW, "low")                                                                                            \
    X(MEDIUM, "medium")                                                                                      \
    X(HIGH, "high")

#define X(name, wire) DUB_WORKER_##name,
enum dub_worker_state { DUB_WORKER_STATES(X) DUB_WORKER_STATE_COUNT };
#undef X
#define X(name, wire) DUB_CONTROL_BREAKER_##name,
enum dub_control_breaker { DUB_BREAKER_NAMES(X) DUB_CONTROL_BREAKER_COUNT };
#undef X
#define X(name, wire) DUB_CONTROL_PRESSURE_##name,
enum dub_control_pressure { DUB_CONTROL_PRESSURES(X) DUB_CONTROL_PRESSURE_COUNT };
#undef X

const char *dub_worker_state_name(enum dub_worker_state value);
const char *dub_control_breaker_name(enum dub_control_breaker value);
const char *dub_control_pressure_name(enum dub_control_pressure value);
enum dub_worker_state dub_worker_state_from_name(const char *name);
enum dub_control_breaker dub_control_breaker_from_name(const char *name);
enum dub_control_pressure dub_control_pressure_from_name(const char *name);

struct dub_worker_hello {
    char *stream_id;
    char *run_id;
    char *instance_id;
    int64_t pid;
    char *version;
    char *gstreamer; /* the version of the library; NULL: not told */
};

bool dub_worker_hello_read(struct dub_worker_hello *hello, JsonNode *node, struct dub_error *error);
JsonNode *dub_worker_hello_to_json(const struct dub_worker_hello *hello);
void dub_worker_hello_clear(struct dub_worker_hello *hello);

/* A name and how often. Fallback reasons, kinds of bus errors. */
struct dub_count {
    char *name;
    int64_t count;
};

struct dub_counts {
    struct dub_count *items;
    unsigned n_items;
};

/* Adds by to the count of name; a name beyond DUB_CONTROL_MAP_MAX - 1 kinds is counted as "other". */
void dub_counts_add(struct dub_counts *counts, const char *name, int64_t by);
int64_t dub_counts_get(const struct dub_counts *counts, const char *name);
void dub_counts_clear(struct dub_counts *counts);

struct dub_worker_input {
    char *url; /* masked */
    bool connected;
    char *video_codec; /* NULL until known, as audio_codec */
    int width, height; /* pixels; 0 until known */
    char *audio_codec;
    int audio_rate_hz, audio_channels;
    int64_t bytes, reconnects;
};

struct dub_worker_output {
    char *url; /* masked */
    bool connected;
    int64_t bytes, reconnects;
    char *last_error; /* why it was lost or refused last, one line; NULL: it was not, or the worker logs it
                         only */
};

struct dub_worker_sts {
    char *mode; /* enabled, passthrough, disabled */
    bool connected;
    int64_t reconnects;
    enum dub_control_breaker breaker;
    int inflight;
    enum dub_control_pressure backpressure;
    int64_t rtt_counts[DUB_CONTROL_RTT_BUCKETS]; /* per bucket, not cumulative */
    double rtt_sum_ms;
    int64_t fragments; /* sent */
    /* Engine and model that the service used last; NULL: not known. */
    char *asr_engine, *translation_engine, *tts_engine;
};

struct dub_worker_status {
    enum dub_worker_state state;
    int64_t uptime_ms;
    char *source_lang, *target_lang;
    int64_t latency_ms; /* D as configured */
    int64_t delay_ms;   /* as measured */
    double av_sync_delta_ms;
    int64_t dub_lag_ms;
    int64_t late_blocks; /* blocks of sound that were mixed after their deadline */
    struct dub_worker_input input;
    struct dub_worker_output output;
    struct dub_worker_sts sts;
    int64_t phrases[DUB_PHRASE_STATE_COUNT];
    struct dub_counts fallbacks;  /* by reason */
    struct dub_counts bus_errors; /* by type */
};

bool dub_worker_status_read(struct dub_worker_status *status, JsonNode *node, struct dub_error *error);
JsonNode *dub_worker_status_to_json(const struct dub_worker_status *status);
void dub_worker_status_clear(struct dub_worker_status *status);

/* {"type":"phrase","phrase":{ledger line}} */
bool dub_worker_phrase_read(struct dub_ledger_line *line, JsonNode *node, struct dub_error *error);
JsonNode *dub_worker_phrase_to_json(const struct dub_ledger_line *line);

enum dub_worker_message_type {
    DUB_WORKER_MESSAGE_HELLO,
    DUB_WORKER_MESSAGE_STATUS,
    DUB_WORKER_MESSAGE_PHRASE,
    DUB_WORKER_MESSAGE_UNKNOWN, /* of a newer worker: to be ignored; an object without "type" too */
};

/* What kind of message a line from the worker is. */
enum dub_worker_message_type dub_worker_message_type(JsonNode *node);

enum dub_worker_command_type { DUB_WORKER_COMMAND_PHRASES, DUB_WORKER_COMMAND_STOP };

struct dub_worker_command {
    enum dub_worker_command_type type;
    int64_t after; /* phrases: those with seq > after; default 0 */
};

/* An unknown command is an error that names the known ones. */
bool dub_worker_command_read(struct dub_worker_command *command, JsonNode *node, struct dub_error *error);
JsonNode *dub_worker_command_to_json(const struct dub_worker_command *command);
