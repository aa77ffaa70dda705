/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Says the configured text for everything that is not silence, and takes as long as configured. */
#include "../../audio/loudness.h"
#include "engines.h"

#define DEFAULT_TEXT "the quick brown fox jumps over the lazy dog"

struct asr_engine {
    char *text;
    int64_t delay_ns;
};

static struct asr_engine *create(const struct engine_config *config, struct dub_error *error)
{
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    engine->text = g_strdup(config->mock_text ? config->mock_text : DEFAULT_TEXT);
    engine->delay_ns = config->mock_delay_ns;
    return engine;
}

static void destroy(struct asr_engine *engine)
{
    g_free(engine->text);
    g_free(engine);
}

static void describe(const struct asr_engine *engine, struct engine_info *info)
{
    static const char *const languages[] = {"*", NULL};
    info->model = g_strdup("mock");
    info->languages = g_strdupv((char **)languages);
}

static bool supports(const struct asr_engine *engine, const char *language)
{
    return true;
}

/* The words share the clip's time evenly. */
static void add_words(struct asr_transcript *transcript, const char *text, int64_t duration_ms)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    guint count = g_strv_length(words);
    for (guint i = 0; i < count; i++)
        asr_transcript_add_word(transcript, words[i], duration_ms * i / count, duration_ms * (i + 1) / count,
                                1.0);
}

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    if (!engine_call_sleep(&request->call, engine->delay_ns, DUB_STAGE_ASR, error))
        return false;
    transcript->confidence = 1.0;
    if (!loudness_may_be_speech(request->audio)) {
        transcript->no_speech = true;
        return true;
    }
    transcript->text = g_strdup(engine->text);
    add_words(transcript, engine->text, pcm_duration_ms(request->audio));
    return true;
}

const struct asr_engine_ops asr_mock = {
    .name = "mock",
    .summary = "for tests: the same text for everything that is not silence",
    .max_concurrency = 64,
    .automatic = false,
    .create = create,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .transcribe = transcribe,
};
