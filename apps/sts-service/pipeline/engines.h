/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three engines in use, chosen by the settings, and what is said about them. Opened and closed on the
 * main thread. */
#pragma once

#include "../engines/asr/asr.h"
#include "../engines/translation/translation.h"
#include "../engines/tts/tts.h"
#include "../metrics.h"
#include "../settings.h"

#include <dubbing_events.h>
#include <json-glib/json-glib.h>

struct engines {
    struct voices *voices;     /* NULL: built-in defaults */
    struct glossary *glossary; /* STS_GLOSSARY_FILE; NULL: none */
    struct asr *asr;
    struct translation *translation;
    struct tts *tts;
    struct engine_info asr_info, translation_info, tts_info;
    struct sts_metrics
        *metrics;      /* atomic; where calls within chains are counted; NULL before engines_note() */
    bool speak_source; /* where a translation fails */
    unsigned asr_workers, translation_workers, tts_workers; /* threads per stage */
};

/* False when an engine named explicitly, or every one that "auto" may choose, cannot be used: the error says
 * what to install or set. INVALID_CONFIG: what was set does not fit (files, models, STS_DEVICE). All parts
 * are tried; of several problems each is logged. engines_close in any case. */
bool engines_open(struct engines *engines, const struct sts_settings *settings, struct dub_error *error);
void engines_close(struct engines *engines);
/* False with UNSUPPORTED_LANGUAGE_PAIR, naming what is supported. */
bool engines_check_languages(const struct engines *engines, const char *source, const char *target,
                             struct dub_error *error);
/* NULL, "" and "default" are always allowed; else false with INVALID_CONFIG, naming the profiles that the
 * engine has for the language. */
bool engines_check_voice(const struct engines *engines, const char *profile, const char *language,
                         struct dub_error *error);
/* The body of GET /api/v1/engines. */
JsonObject *engines_describe(const struct engines *engines);
/* Sets sts_engine_info, and counts what chains do from now on: the metrics outlive the engines' last call,
 * the engines stay where they are. */
void engines_note(struct engines *engines, struct sts_metrics *metrics);
