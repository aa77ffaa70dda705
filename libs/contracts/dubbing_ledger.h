/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger: what became of each phrase of a stream, one line each: protocol.md section 3. The functions
 * follow the rules of dubbing_events.h. */
#pragma once

#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/* X(enum suffix, wire name): the one state in which each phrase ends. */
#define DUB_PHRASE_STATES(X)                                                                                 \
    X(DUBBED, "dubbed")                                                                                      \
    X(PASSTHROUGH, "passthrough")                                                                            \
    X(DROPPED, "dropped")

#define X(name, wire) DUB_PHRASE_##name,
enum dub_phrase_state { DUB_PHRASE_STATES(X) DUB_PHRASE_STATE_COUNT };
#undef X

const char *dub_phrase_state_name(enum dub_phrase_state value);
/* DUB_PHRASE_STATE_COUNT for a name that is not in the list. */
enum dub_phrase_state dub_phrase_state_from_name(const char *name);

struct dub_ledger_line {
    int64_t seq;       /* from 1 */
    char *fragment_id; /* NULL: was never sent */
    int64_t start_ms;  /* on the stream's input timeline */
    int64_t end_ms;    /* >= start_ms */
    enum dub_phrase_state state;
    char *reason; /* an error code or a word of the worker's; NULL when dubbed as it should be */
    char *transcript;
    char *translated_text;
    int64_t lag_ms;     /* how far the dub trailed the picture; 0 when not dubbed */
    double speed_ratio; /* 0: absent */
    struct {
        int64_t rtt_ms, asr_ms, translation_ms, tts_ms;
    } sts;
};

/* Problems are INVALID_ARGUMENT. */
bool dub_ledger_line_read(struct dub_ledger_line *line, JsonNode *node, struct dub_error *error);
/* Every member is written; absent strings as "". */
JsonNode *dub_ledger_line_to_json(const struct dub_ledger_line *line);
void dub_ledger_line_clear(struct dub_ledger_line *line);
