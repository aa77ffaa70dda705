/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: what a mock engine is told through STS_*_MODEL, and what the three mocks share:
 * delays, failures, dictionaries and fixtures.
 *
 *     key=value;key=value        "text=good evening;delay=250ms;fail=every:3;error=TIMEOUT"
 *
 * The keys and which stage knows them stand in engines/README.md. A value may hold "\;" for a semicolon. */
#pragma once

#include "engine.h"

#define MOCK_SPEC_MAX_BYTES 4096
#define MOCK_FILE_MAX_BYTES (8u << 20)

enum mock_key {
    MOCK_TEXT = 1 << 0,
    MOCK_DICT = 1 << 1,
    MOCK_FIXTURE = 1 << 2,
    MOCK_TONE = 1 << 3,
    MOCK_PACE = 1 << 4,
    MOCK_LANGUAGE = 1 << 5,
};

struct mock_spec {
    char *text;               /* text=TEXT; NULL: the stage's default */
    GHashTable *dict;         /* dict=FILE: strings, or NULL */
    char *fixture;            /* fixture=FOLDER; it exists */
    char *language;           /* language=CODE: it finds it out, and it is this one; NULL: it cannot */
    double tone_hz;           /* tone=HZ */
    int pace_ms;              /* pace=MS: per character */
    int64_t delay_ns;         /* delay=DURATION */
    int64_t fail_every;       /* fail=every:N, 1 for always; 0: never */
    int64_t fail_first;       /* fail=first:N */
    int64_t fail_number;      /* fail=fragment:N; -1: none */
    enum dub_error_code code; /* error=CODE; the stage's own by default */
    char *model;              /* what describe() says */
    gint calls;               /* so far; warm-ups do not count */
};

/* keys: what the stage knows besides delay, fail and error. False with INVALID_CONFIG and every problem, and
 * what is allowed; *spec is then cleared. Defaults come from config's mock_text and mock_delay_ns. */
bool mock_spec_read(struct mock_spec *spec, const struct engine_config *config, enum dub_stage stage,
                    unsigned keys, struct dub_error *error);
void mock_spec_clear(struct mock_spec *spec);

/* Takes the time and fails as told: what every call of a mock begins with. A warm-up neither waits nor fails
 * nor counts. Any thread. */
bool mock_spec_play(struct mock_spec *spec, const struct engine_call *call, enum dub_stage stage,
                    struct dub_error *error);
/* FOLDER/N.extension for the call's fragment N; NULL where there is no such file. It may be a named pipe:
 * then the call takes until somebody has written to it, whatever its terms. */
char *mock_spec_fixture(const struct mock_spec *spec, const struct engine_call *call, const char *extension);
