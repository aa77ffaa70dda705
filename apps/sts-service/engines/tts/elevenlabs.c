/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ElevenLabs' text to speech, asked for as a WAV file: what comes says itself what it is. */
#include "../../audio/wav.h"
#include "../http/client.h"
#include "../http/providers.h"
#include "engines.h"
#include "provider_voice.h"

#include <dubbing_json.h>
#include <string.h>

#define BASE "https://api.elevenlabs.io"
#define DEFAULT_MODEL "eleven_flash_v2_5"
/* "George", of the voices that every account has. */
#define DEFAULT_VOICE "JBFqnCBsd6RMkjVDRZzb"
#define MAX_CONNECTIONS 16
#define SOUND_MAX_BYTES (16u << 20)
/* What the API takes; the duration fit stretches what is left. */
#define MIN_SPEED 0.7
#define MAX_SPEED 1.2

struct tts_engine {
    struct http_client *client;
    char *base;
    char *key;
    char *model;
    bool names_language;         /* the model takes a language code, and has those below */
    const struct voices *voices; /* may be NULL */
};

/* Of Flash and Turbo v2.5: https://elevenlabs.io/docs/overview/models */
static const char *const languages[] = {"ar", "bg", "cs", "da", "de", "el", "en", "es", "fi", "fil", "fr",
                                        "hi", "hr", "hu", "id", "it", "ja", "ko", "ms", "nl", "no",  "pl",
                                        "pt", "ro", "ru", "sk", "sv", "ta", "tr", "uk", "vi", "zh",  NULL};
static const char *const any_language[] = {"*", NULL};

static void *create(const struct engine_config *config, struct dub_error *error)
{
    const struct engine_providers *providers = config->providers;
    if (!providers || !provider_is_set(providers->elevenlabs_key)) {
        dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS,
                            "elevenlabs needs a key: set ELEVENLABS_API_KEY or ELEVENLABS_API_KEY_FILE");
        return NULL;
    }
    const char *url = provider_is_set(providers->elevenlabs_url) ? providers->elevenlabs_url : BASE;
    char *base = http_base_url(url, "ELEVENLABS_URL", DUB_STAGE_TTS, error);
    if (!base)
        return NULL;
    struct http_client_config client = {.engine = "elevenlabs",
                                        .stage = DUB_STAGE_TTS,
                                        .secret = providers->elevenlabs_key,
                                        .secret_name = "ELEVENLABS_API_KEY",
                                        .max_connections = MAX_CONNECTIONS};
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    engine->client = http_client_new(&client);
    engine->base = base;
    engine->key = g_strdup(providers->elevenlabs_key);
    engine->model = g_strdup(provider_is_set(config->model) ? config->model : DEFAULT_MODEL);
    engine->names_language = g_str_has_suffix(engine->model, "_v2_5");
    engine->voices = config->voices;
    return engine;
}

static void destroy(void *data)
{
    struct tts_engine *engine = data;
    http_client_free(engine->client);
    g_free(engine->base);
    g_free(engine->key);
    g_free(engine->model);
    g_free(engine);
}

static void describe(const void *data, struct engine_info *info)
{
    const struct tts_engine *engine = data;
    info->model = g_strdup(engine->model);
    info->languages = g_strdupv((char **)(engine->names_language ? languages : any_language));
    info->voices = provider_voice_profiles(engine->voices, tts_elevenlabs.base.name);
}

static void greet(void *data, const struct engine_call *call)
{
    const struct tts_engine *engine = data;
    g_autofree char *url = g_strdup_printf("%s/v1/models", engine->base);
    http_client_greet(engine->client, url, (struct http_header){"xi-api-key", engine->key}, call);
}

static bool supports(const struct tts_engine *engine, const char *language)
{
    return !engine->names_language || g_strv_contains(languages, language);
}

static char *voice_of(const struct tts_engine *engine, const char *profile, const char *language)
{
    return provider_voice_of(engine->voices, tts_elevenlabs.base.name, profile, language, engine->model,
                             DEFAULT_VOICE);
}

static GBytes *body_for(const struct tts_engine *engine, const struct tts_request *request)
{
    g_autofree char *text = g_utf8_make_valid(request->text, -1);
    g_autofree char *language = engine_language_base(request->language);
    JsonObject *object = json_object_new();
    JsonObject *voice = json_object_new();
    json_object_set_string_member(object, "text", text);
    json_object_set_string_member(object, "model_id", engine->model);
    if (engine->names_language)
        json_object_set_string_member(object, "language_code", language);
    json_object_set_double_member(voice, "speed", CLAMP(request->rate, MIN_SPEED, MAX_SPEED));
    json_object_set_object_member(object, "voice_settings", voice);
    char *json = dub_json_object_to_string_take(object);
    return g_bytes_new_take(json, strlen(json));
}

static GBytes *ask(struct tts_engine *engine, const struct tts_request *request, struct dub_error *error)
{
    const char *voice = provider_voice(engine->voices, tts_elevenlabs.base.name, request->voice,
                                       request->language, DEFAULT_VOICE);
    g_autofree char *id = g_uri_escape_string(voice, NULL, FALSE);
    g_autofree char *url =
        g_strdup_printf("%s/v1/text-to-speech/%s?output_format=wav_24000", engine->base, id);
    g_autoptr(GBytes) body = body_for(engine, request);
    struct http_request http = {.method = "POST",
                                .url = url,
                                .headers = {{"xi-api-key", engine->key}},
                                .content_type = "application/json",
                                .body = body,
                                .answer_type = "",
                                .max_bytes = SOUND_MAX_BYTES};
    return http_client_ask(engine->client, &http, &request->call, error);
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    struct dub_error problem = {0};
    g_autoptr(GBytes) sound = ask(engine, request, error);
    if (!sound)
        return false;
    if (wav_parse(g_bytes_get_data(sound, NULL), g_bytes_get_size(sound), audio, &problem))
        return true;
    g_autofree char *what = g_strdup_printf("with sound that is no WAV file of 16 bits: %s", problem.message);
    return http_client_bad_answer(engine->client, what, error);
}

const struct tts_engine_ops tts_elevenlabs = {
    .base =
        {
            .name = "elevenlabs",
            .summary = "ElevenLabs' text to speech (ELEVENLABS_API_KEY)",
            .max_concurrency = MAX_CONNECTIONS,
            .remote = true,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
            .greet = greet,
        },
    .supports = supports,
    .voice_of = voice_of,
    .speak = speak,
};
