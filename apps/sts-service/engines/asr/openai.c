/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recognition by OpenAI's API or a server that speaks it. Sound in which nobody can have spoken is not sent;
 * the rest goes as a WAV file at 16 kHz, which is what such models hear. */
#include "../http/openai.h"
#include "../../audio/loudness.h"
#include "../../audio/resample.h"
#include "../../audio/wav.h"
#include "../http/form.h"
#include "engines.h"
#include "openai_transcript.h"
#include <string.h>

#define RATE_HZ 16000
#define DEFAULT_MODEL "whisper-1"
#define HINTS_MAX_BYTES 600

struct asr_engine {
    struct openai openai; /* first: openai_engine_destroy() */
    bool verbose;         /* the model has words and their times */
};

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct openai openai;
    if (!openai_init(&openai, config, DUB_STAGE_ASR, DEFAULT_MODEL, error))
        return NULL;
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    g_autofree char *small = g_ascii_strdown(openai.model, -1);
    engine->openai = openai;
    engine->verbose = strstr(small, "whisper") != NULL;
    return engine;
}

/* The API hears which one it is too, but does not say it in codes. */
static bool supports(const struct asr_engine *engine, const char *language)
{
    return strcmp(language, ENGINE_LANGUAGE_UNKNOWN) != 0;
}

/* Spelling of names, as a text that may have been said before. */
static char *prompt_of(const char *const *hints)
{
    GString *prompt = g_string_new(NULL);
    for (; hints && *hints && prompt->len + strlen(*hints) < HINTS_MAX_BYTES; hints++)
        g_string_append_printf(prompt, "%s%s", prompt->len > 0 ? ", " : "", *hints);
    return g_string_free(prompt, FALSE);
}

static GBytes *form_for(const struct asr_engine *engine, const struct asr_request *request,
                        const struct pcm *clip, char **type)
{
    g_autoptr(GBytes) wav = wav_build(clip);
    g_autofree char *prompt = prompt_of(request->hints);
    g_autofree char *language = engine_language_base(request->language);
    struct http_form *form = http_form_new();
    http_form_add_file(form, "file", "fragment.wav", "audio/wav", wav);
    http_form_add(form, "model", engine->openai.model);
    http_form_add(form, "language", language);
    http_form_add(form, "temperature", "0");
    http_form_add(form, "response_format", engine->verbose ? "verbose_json" : "json");
    if (engine->verbose) {
        http_form_add(form, "timestamp_granularities[]", "word");
        http_form_add(form, "timestamp_granularities[]", "segment");
    }
    if (*prompt)
        http_form_add(form, "prompt", prompt);
    return http_form_take(form, type);
}

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    pcm_auto clip = {0};
    g_autofree char *type = NULL;
    transcript->no_speech = !loudness_may_be_speech(request->audio);
    if (transcript->no_speech)
        return true;
    bool ready = request->audio->rate_hz > RATE_HZ ? pcm_resample(request->audio, RATE_HZ, &clip, error)
                                                   : (clip = pcm_copy(request->audio), true);
    if (!ready)
        return false;
    g_autoptr(GBytes) form = form_for(engine, request, &clip, &type);
    g_autoptr(GBytes) body = openai_ask(&engine->openai, "/audio/transcriptions", type, form,
                                        "application/json", HTTP_TEXT_MAX_BYTES, &request->call, error);
    if (!body)
        return false;
    if (openai_transcript_read(g_bytes_get_data(body, NULL), g_bytes_get_size(body), pcm_duration_ms(&clip),
                               transcript))
        return true;
    return http_client_bad_answer(engine->openai.client, "without a transcript", error);
}

const struct asr_engine_ops asr_openai = {
    .base =
        {
            .name = "openai",
            .summary = "OpenAI's transcriptions, or a server that speaks their API (OPENAI_BASE_URL)",
            .max_concurrency = OPENAI_MAX_CONNECTIONS,
            .remote = true,
            .automatic = true,
            .create = create,
            .destroy = openai_engine_destroy,
            .describe = openai_engine_describe,
        },
    .supports = supports,
    .transcribe = transcribe,
};
