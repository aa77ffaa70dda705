/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engines of all three stages share: configuration, the terms of a call, and how they describe
 * themselves.
 *
 * An engine lives in one file that alone includes its library's headers. Callers use the wrappers in
 * asr/asr.h, translation/translation.h and tts/tts.h, never the tables' slots. */
#pragma once

#include <dubbing_clock.h>
#include <dubbing_error.h>
#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct engine_providers;
struct glossary;
struct voices;

/* A call that an engine of a chain has got: "served", "failed", "slow" (not done in its part of the time),
 * and "avoided" for one that it has not. Any thread. */
typedef void engine_observer(enum dub_stage stage, const char *engine, const char *result, void *user);

/* Borrowed for create(); an engine copies what it keeps. Zero-initialised is a valid configuration. */
struct engine_config {
    const char *model;               /* STS_*_MODEL: a path or a name; NULL or "": the engine's default */
    const char *model_cache_dir;     /* STS_MODEL_CACHE_DIR: see engine_model_path() */
    const char *device;              /* "auto", "cpu", "cuda"; NULL: auto */
    int workers;                     /* calls that will be made at a time; 0: one per core */
    const struct voices *voices;     /* TTS only, outlives the engine; NULL: built-in defaults */
    const struct glossary *glossary; /* translation only, outlives the engine; NULL: none */
    const struct engine_providers *providers; /* http/providers.h; NULL: none is set */
    engine_observer *observe;                 /* told of the calls within chains; NULL: nobody is */
    void *observer;                           /* for observe */
    const char *mock_text;                    /* what the mock engines answer; NULL: their default */
    int64_t
        mock_delay_ns; /* how long the mock engines take; they sleep in steps and honour the call's terms */
};

/* Where the configured model lies: an absolute path as it is, any other name in the model cache directory.
 * NULL: none is configured. Owned by the caller. */
char *engine_model_path(const struct engine_config *config);
/* For engines that have no models: true when none is configured, else false with INVALID_CONFIG. instead:
 * what to do about it, "choose voices with STS_VOICES_FILE". */
bool engine_takes_no_model(const struct engine_config *config, enum dub_stage stage, const char *engine,
                           const char *instead, struct dub_error *error);

#define ENGINE_CALL_WARM_UP (-1)

/* The terms of one call. */
struct engine_call {
    const char *session_id; /* for what an engine learns about one session's sound; NULL: nothing is kept */
    int64_t fragment;       /* its sequence number; ENGINE_CALL_WARM_UP: the result is for nobody */
    GCancellable *cancellable; /* NULL: cannot be cancelled */
    int64_t deadline_ns;       /* on dub_clock_monotonic(); 0: none */
    char **used; /* where a chain says who has served, as engine_used(): the old text is freed; NULL: nobody
                    wants to know */
};

/* True while the call should go on. False sets CANCELLED, or TIMEOUT (retryable), with the stage. */
bool engine_call_go_on(const struct engine_call *call, enum dub_stage stage, struct dub_error *error);
/* Milliseconds until the deadline for poll(2) and the like: at least 0, at most max_ms. */
int engine_call_left_ms(const struct engine_call *call, int max_ms);
/* Sleeps in steps of at most 20 ms; false as engine_call_go_on. For the mocks. */
bool engine_call_sleep(const struct engine_call *call, int64_t ns, enum dub_stage stage,
                       struct dub_error *error);

/* For GET /api/v1/engines and the metric sts_engine_info. */
struct engine_info {
    const char *name;    /* static */
    const char *summary; /* static */
    const char *device;  /* static: where it runs, "cuda"; NULL: "cpu" */
    char *model;         /* "en-us 5prealpha", never NULL */
    GStrv models;        /* those loaded, of which a call uses one; NULL: model is the one */
    GStrv languages;     /* "en"; for translation pairs "en-es" */
    GStrv voices;        /* TTS: profile names; NULL elsewhere */
    GArray *links;       /* of a chain: struct engine_info in its order; NULL: this is one engine */
};
void engine_info_clear(struct engine_info *info);
/* For a fragment's metadata: "engine model", or the one name where both are the same; at most
 * ENGINE_USED_BYTES_MAX. Owned by the caller. */
char *engine_used(const char *engine, const char *model);
#define ENGINE_USED_BYTES_MAX 255

/* The head of each stage's table of functions: what opens an engine and says what it is.
 * Threads: create and destroy run on the pipeline's owner thread, describe on any. */
struct engine_ops {
    const char *name;    /* "pocketsphinx": the value used in configuration */
    const char *summary; /* one line for GET /api/v1/engines */
    int max_concurrency; /* upper bound; the stage's wrapper also knows the configuration */
    bool remote;         /* asks somebody over the network: "auto" puts one that does not behind it */
    bool automatic;      /* may be chosen by "auto" */
    /* Blocking, may be slow (loads the model). NULL with UNAVAILABLE and what to install or set when library
     * or model are missing. */
    void *(*create)(const struct engine_config *config, struct dub_error *error);
    void (*destroy)(void *engine);
    /* Sets what there is to say beyond name and summary, which are set. */
    void (*describe)(const void *engine, struct engine_info *info);
    /* For engines that ask somebody over the network: opens the way with a request that costs nothing, and
     * whatever becomes of it, nobody is told but the log. A warm-up asks no more of an engine that has it.
     * NULL: a warm-up is a call like any other. Any thread. */
    void (*greet)(void *engine, const struct engine_call *call);
};

/* A source language that the recogniser is to find out (RFC 5646: undetermined). */
#define ENGINE_LANGUAGE_UNKNOWN "und"

/* "es" of "es-MX", "ES_mx", "spa"; lower case, ISO 639-1 where it has one. Owned by the caller; NULL for what
 * is no language code (letters, digits, - and _, 2 to 35 characters). */
char *engine_language_base(const char *code);
bool engine_language_matches(const char *code, const char *base);
