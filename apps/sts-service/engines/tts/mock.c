/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tone that lasts as long as somebody would take to say the text, with a little silence around it as
 * engines have it; or a recording per fragment from a folder, which knows no rate; as slowly and unreliably
 * as it was told (mock_spec.h). */
#include "../../audio/wav.h"
#include "../mock_spec.h"
#include "engines.h"
#include <math.h>

#define RATE_HZ 22050
#define DEFAULT_PACE_MS 65
#define DEFAULT_TONE_HZ 220.0
#define AMPLITUDE 6000.0
#define SILENCE_MS 80
#define KEYS (MOCK_TONE | MOCK_PACE | MOCK_FIXTURE)
/* As long as a clip may be at the slowest rate. */
#define MAX_TONE_MS (PCM_MAX_MS / 2)

struct tts_engine {
    struct mock_spec spec;
};

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    if (!mock_spec_read(&engine->spec, config, DUB_STAGE_TTS, KEYS, error)) {
        g_free(engine);
        return NULL;
    }
    if (engine->spec.tone_hz == 0.0)
        engine->spec.tone_hz = DEFAULT_TONE_HZ;
    if (engine->spec.pace_ms == 0)
        engine->spec.pace_ms = DEFAULT_PACE_MS;
    return engine;
}

static void destroy(void *data)
{
    struct tts_engine *engine = data;
    mock_spec_clear(&engine->spec);
    g_free(engine);
}

static void describe(const void *data, struct engine_info *info)
{
    const struct tts_engine *engine = data;
    static const char *const any[] = {"*", NULL};
    static const char *const voices[] = {"default", NULL};
    info->model = g_strdup(engine->spec.model);
    info->languages = g_strdupv((char **)any);
    info->voices = g_strdupv((char **)voices);
}

static bool supports(const struct tts_engine *engine, const char *language)
{
    return true;
}

static struct pcm tone(const struct mock_spec *spec, const char *text, double rate)
{
    int64_t natural_ms = MIN((int64_t)g_utf8_strlen(text, -1) * spec->pace_ms, MAX_TONE_MS);
    int64_t tone_ms = llrint((double)natural_ms / rate);
    size_t edge = RATE_HZ * SILENCE_MS / 1000;
    struct pcm clip = pcm_silence(RATE_HZ, tone_ms + 2 * SILENCE_MS);
    for (size_t i = edge; i + edge < clip.count; i++)
        clip.samples[i] = (int16_t)lrint(AMPLITUDE * sin(2.0 * G_PI * spec->tone_hz * (double)i / RATE_HZ));
    return clip;
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    if (!mock_spec_play(&engine->spec, &request->call, DUB_STAGE_TTS, error))
        return false;
    if (!engine->spec.fixture || request->call.fragment == ENGINE_CALL_WARM_UP) {
        *audio = tone(&engine->spec, request->text, request->rate);
        return true;
    }
    g_autofree char *path = mock_spec_fixture(&engine->spec, &request->call, "wav");
    if (path)
        return wav_read_file(path, audio, error);
    return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS, "%s has no %d.wav",
                               engine->spec.fixture, (int)request->call.fragment);
}

const struct tts_engine_ops tts_mock = {
    .base =
        {
            .name = "mock",
            .summary = "for tests: sounds as STS_TTS_MODEL says",
            .max_concurrency = 64,
            .automatic = false,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .speak = speak,
};
