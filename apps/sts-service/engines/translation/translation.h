/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Translation of one phrase: the interface that engines implement and the wrappers that callers use.
 * Threads and ownership as in asr.h. */
#pragma once

#include "../engine.h"
#include "glossary.h"

#define TRANSLATION_MAX_BYTES 16384

struct translation_engine; /* the engine's own */

struct translation_request {
    struct engine_call call;
    const char *text; /* UTF-8, a sentence with capitals and punctuation (text_sentence_from_words) */
    const char *source_language;     /* "en", "en-GB"; engines get the base */
    const char *target_language;     /* "es", "es-MX" */
    const struct glossary *glossary; /* the stream's; NULL: none. The wrapper sees to it, not the engine */
    /* For engines, filled by the wrapper: the codes as the caller said them. */
    const char *source_variant;
    const char *target_variant;
};

struct translation_result {
    char *text; /* tidied UTF-8, never NULL after success; empty for text that is empty */
    double took_ms;
};
void translation_result_clear(struct translation_result *result);

struct translation_engine_ops {
    struct engine_ops base;
    bool (*supports)(const struct translation_engine *engine, const char *source, const char *target);
    /* The model that serves this pair, codes as the caller says them ("en-GB"); borrowed from the engine.
     * NULL: info's model serves all. */
    const char *(*model_of)(const struct translation_engine *engine, const char *source, const char *target);
    /* The request's text is not empty and at most TRANSLATION_MAX_BYTES. Returns within 100 ms of the
     * deadline or of a cancel. */
    bool (*translate)(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error);
};
extern const struct engine_ops *const translation_engines[]; /* as asr_engines */

struct translation;
struct translation *translation_open(const char *name, const struct engine_config *config,
                                     struct dub_error *error);
void translation_close(struct translation *translation);
void translation_describe(const struct translation *translation, struct engine_info *info);
int translation_max_concurrency(const struct translation *translation);
/* What translates this pair: "apertium eng-spa"; "none" where the languages are the same. Owned by the
 * caller. */
char *translation_used(const struct translation *translation, const char *source, const char *target);
/* True, or false with UNSUPPORTED_LANGUAGE_PAIR and a message that names the supported pairs (requirement
 * D3). */
bool translation_check_pair(const struct translation *translation, const char *source, const char *target,
                            struct dub_error *error);
/* Clears *result first. Terms of the glossaries (the stream's, and the one of the configuration) are put into
 * the answer whatever the engine makes of the rest; where it loses one of them, its plain answer stands. Text
 * without letters or digits comes back tidied, without asking the engine; equal
 * languages likewise. */
bool translation_translate(struct translation *translation, const struct translation_request *request,
                           struct translation_result *result, struct dub_error *error);
