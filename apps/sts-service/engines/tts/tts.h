/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speech synthesis: the interface that engines implement and the wrappers that callers use.
 * Threads and ownership as in asr.h. Fitting to a duration is not an engine's job: audio/fit.h does it for
 * all of them, by asking for another rate. */
#pragma once

#include "../../audio/pcm.h"
#include "../engine.h"
#include "voices.h"

#define TTS_MAX_BYTES 16384
#define TTS_MIN_RATE 0.5
#define TTS_MAX_RATE 2.0

struct tts_engine; /* the engine's own */

struct tts_request {
    struct engine_call call;
    const char *text;     /* UTF-8, prepared (text_prepare_for_speech) */
    const char *language; /* "es" */
    const char *voice;    /* profile of voices.json; NULL or "default": the language's */
    double rate;          /* 1.0 normal, 1.25 faster; 0 means 1.0 */
};

struct tts_result {
    struct pcm audio; /* trimmed, faded at both ends, normalised to LOUDNESS_SPEECH_DBFS; empty for text
                         without letters */
    double took_ms;
};
void tts_result_clear(struct tts_result *result);

struct tts_engine_ops {
    struct engine_ops base;
    bool (*supports)(const struct tts_engine *engine, const char *language);
    /* The voice that speaks such a request, "1.51 es+f3 (es-clara)"; owned by the caller. NULL: info's model
     * is all there is to say. */
    char *(*voice_of)(const struct tts_engine *engine, const char *profile, const char *language);
    /* The raw clip as the engine makes it; the wrapper trims, fades and normalises. The text is not empty and
     * at most TTS_MAX_BYTES. Returns within 100 ms of the deadline or of a cancel. */
    bool (*speak)(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error);
};
extern const struct engine_ops *const tts_engines[]; /* as asr_engines */

struct tts;
struct tts *tts_open(const char *name, const struct engine_config *config, struct dub_error *error);
void tts_close(struct tts *tts);
void tts_describe(const struct tts *tts, struct engine_info *info);
bool tts_supports(const struct tts *tts, const char *language);
int tts_max_concurrency(const struct tts *tts);
/* What speaks with this profile in this language: "espeak-ng 1.51 es+f3 (es-clara)". Owned by the caller. */
char *tts_used(const struct tts *tts, const char *profile, const char *language);
/* Clears *result first. Text without letters or digits is success with an empty clip. */
bool tts_speak(struct tts *tts, const struct tts_request *request, struct tts_result *result,
               struct dub_error *error);
