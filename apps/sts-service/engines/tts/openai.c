/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Speech by OpenAI's API or a server that speaks it, asked for as a WAV file. The speed is the provider's as
 * far as its model knows one; what is left the duration fit stretches. */
#include "../http/openai.h"
#include "../../audio/wav.h"
#include "engines.h"
#include "provider_voice.h"

#include <dubbing_json.h>
#include <string.h>

#define DEFAULT_MODEL "tts-1"
#define DEFAULT_VOICE "alloy"
/* PCM_MAX_MS at 48 kHz, and some more. */
#define SOUND_MAX_BYTES (16u << 20)

struct tts_engine {
    struct openai openai;        /* first: openai_engine_destroy() */
    const struct voices *voices; /* may be NULL */
};

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct openai openai;
    if (!openai_init(&openai, config, DUB_STAGE_TTS, DEFAULT_MODEL, error))
        return NULL;
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    engine->openai = openai;
    engine->voices = config->voices;
    return engine;
}

static void describe(const void *data, struct engine_info *info)
{
    const struct tts_engine *engine = data;
    openai_engine_describe(data, info);
    info->voices = provider_voice_profiles(engine->voices, tts_openai.base.name);
}

static bool supports(const struct tts_engine *engine, const char *language)
{
    return true;
}

static char *voice_of(const struct tts_engine *engine, const char *profile, const char *language)
{
    return provider_voice_of(engine->voices, tts_openai.base.name, profile, language, engine->openai.model,
                             DEFAULT_VOICE);
}

static GBytes *body_for(const struct tts_engine *engine, const struct tts_request *request)
{
    g_autofree char *text = g_utf8_make_valid(request->text, -1);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "model", engine->openai.model);
    json_object_set_string_member(object, "input", text);
    json_object_set_string_member(object, "voice",
                                  provider_voice(engine->voices, tts_openai.base.name, request->voice,
                                                 request->language, DEFAULT_VOICE));
    json_object_set_string_member(object, "response_format", "wav");
    json_object_set_double_member(object, "speed", request->rate);
    char *json = dub_json_object_to_string_take(object);
    return g_bytes_new_take(json, strlen(json));
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    g_autoptr(GBytes) asked = body_for(engine, request);
    g_autoptr(GBytes) body = openai_ask(&engine->openai, "/audio/speech", "application/json", asked, "audio/",
                                        SOUND_MAX_BYTES, &request->call, error);
    struct dub_error problem = {0};
    if (!body)
        return false;
    if (wav_parse(g_bytes_get_data(body, NULL), g_bytes_get_size(body), audio, &problem))
        return true;
    g_autofree char *what = g_strdup_printf("with sound that is no WAV file of 16 bits: %s", problem.message);
    return http_client_bad_answer(engine->openai.client, what, error);
}

const struct tts_engine_ops tts_openai = {
    .base =
        {
            .name = "openai",
            .summary = "OpenAI's speech, or a server that speaks its API (OPENAI_BASE_URL)",
            .max_concurrency = OPENAI_MAX_CONNECTIONS,
            .remote = true,
            .automatic = true,
            .create = create,
            .destroy = openai_engine_destroy,
            .describe = describe,
            .greet = openai_engine_greet,
        },
    .supports = supports,
    .voice_of = voice_of,
    .speak = speak,
};
