/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speech recognition: the interface that engines implement and the wrappers that callers use.
 *
 * Threads: create and destroy run on the pipeline's owner thread; transcribe runs on pool threads, at most
 * asr_max_concurrency() at a time. Ownership: the request is borrowed for the call; the caller owns the
 * transcript and clears it, after a failure too. */
#pragma once

#include "../../audio/pcm.h"
#include "../engine.h"

struct asr_engine; /* the engine's own */

struct asr_word {
    char *text;
    int64_t start_ms; /* from the start of the fragment */
    int64_t end_ms;
    double confidence; /* 0..1; 1 where the engine has none */
};

struct asr_request {
    struct engine_call call;
    const struct pcm *audio;  /* mono, any rate of pcm.h */
    const char *language;     /* "en"; ENGINE_LANGUAGE_UNKNOWN: transcript.language is to say it */
    const char *const *hints; /* domain_hints, NULL-terminated; NULL: none. Engines may ignore them */
};

/* no_speech: the recogniser says that nobody spoke; text is then empty. */
struct asr_transcript {
    char *text;    /* as the engine says it: "it 's raining"; never NULL after success */
    GArray *words; /* struct asr_word, in order; may be empty although there is text */
    bool no_speech;
    double confidence; /* of the whole, 0..1; 1 where the engine has none */
    double took_ms;    /* filled by the wrapper */
    char language[8];  /* that it was taken for, where the engine finds it out; "": as asked */
};
void asr_transcript_clear(struct asr_transcript *transcript);
/* For engines: copies text; makes the array at the first call. */
void asr_transcript_add_word(struct asr_transcript *transcript, const char *text, int64_t start_ms,
                             int64_t end_ms, double confidence);

struct asr_engine_ops {
    struct engine_ops base;
    /* ENGINE_LANGUAGE_UNKNOWN only where it finds the language out. */
    bool (*supports)(const struct asr_engine *engine, const char *language);
    /* A stream with these hints begins: what they need is loaded beside other work. At once, any thread.
     * NULL: the engine has nothing to prepare. */
    void (*prepare)(struct asr_engine *engine, const char *const *hints);
    /* The session with this id is over: what was learnt about it is of no more use. At once, any thread.
     * NULL: the engine learns nothing. */
    void (*forget)(struct asr_engine *engine, const char *session_id);
    /* Silence is success with no words and no_speech set. On false, error says what and whether a retry may
     * help. Returns within 100 ms of the deadline or of a cancel. */
    bool (*transcribe)(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error);
};
/* Compiled in, best first, NULL-terminated; each the head of a struct asr_engine_ops. */
extern const struct engine_ops *const asr_engines[];

struct asr;
/* name: an engine's name, or "auto" (also NULL, ""): the first that can be created; what was skipped is
 * logged once. */
struct asr *asr_open(const char *name, const struct engine_config *config, struct dub_error *error);
void asr_close(struct asr *asr);
void asr_describe(const struct asr *asr, struct engine_info *info);
bool asr_supports(const struct asr *asr, const char *language);
int asr_max_concurrency(const struct asr *asr);
/* Before a stream's first fragment; hints as in a request. Returns at once; any thread. */
void asr_prepare(struct asr *asr, const char *const *hints);
/* After a session's last fragment. Returns at once; any thread. */
void asr_forget(struct asr *asr, const char *session_id);
/* Clears *transcript first. A language that is not supported, an empty clip or a bad rate are refused here.
 */
bool asr_transcribe(struct asr *asr, const struct asr_request *request, struct asr_transcript *transcript,
                    struct dub_error *error);
