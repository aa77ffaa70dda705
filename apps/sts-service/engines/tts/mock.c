/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tone that lasts as long as somebody would take to say the text, with a little silence around it as
 * engines have it, for tests. */
#include "engines.h"
#include <math.h>

#define RATE_HZ 22050
#define MS_PER_CHARACTER 65
#define TONE_HZ 220.0
#define AMPLITUDE 6000.0
#define SILENCE_MS 80
#define MAX_CHARACTERS (PCM_MAX_MS / MS_PER_CHARACTER / 2)

struct tts_engine {
    int64_t delay_ns;
};

static struct tts_engine *create(const struct engine_config *config, struct dub_error *error)
{
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    engine->delay_ns = config->mock_delay_ns;
    return engine;
}

static void destroy(struct tts_engine *engine)
{
    g_free(engine);
}

static void describe(const struct tts_engine *engine, struct engine_info *info)
{
    static const char *const any[] = {"*", NULL};
    static const char *const voices[] = {"default", NULL};
    info->model = g_strdup("none");
    info->languages = g_strdupv((char **)any);
    info->voices = g_strdupv((char **)voices);
}

static bool supports(const struct tts_engine *engine, const char *language)
{
    return true;
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    if (!engine_call_sleep(&request->call, engine->delay_ns, DUB_STAGE_TTS, error))
        return false;
    glong characters = MIN(g_utf8_strlen(request->text, -1), MAX_CHARACTERS);
    int64_t tone_ms = llrint((double)(characters * MS_PER_CHARACTER) / request->rate);
    size_t edge = RATE_HZ * SILENCE_MS / 1000;
    *audio = pcm_silence(RATE_HZ, tone_ms + 2 * SILENCE_MS);
    for (size_t i = edge; i + edge < audio->count; i++)
        audio->samples[i] = (int16_t)lrint(AMPLITUDE * sin(2.0 * G_PI * TONE_HZ * (double)i / RATE_HZ));
    return true;
}

const struct tts_engine_ops tts_mock = {
    .name = "mock",
    .summary = "for tests: a tone as long as the text would take",
    .max_concurrency = 64,
    .automatic = false,
    .create = create,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .speak = speak,
};
