/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tts.h"

#include "../../audio/edges.h"
#include "../../audio/loudness.h"
#include "../../text/guard.h"
#include "engines.h"
#include <string.h>

#define KEEP_MS 10
#define FADE_MS 5
#define MAX_GAIN_DB 24.0

const struct engine_ops *const tts_engines[] = {&tts_elevenlabs.base, &tts_openai.base,
#ifdef HAVE_PIPER
                                                &tts_piper.base,
#endif
                                                &tts_espeak.base,     &tts_mock.base,   NULL};

static const struct engine_stage stage = {
    .stage = DUB_STAGE_TTS, .engines = tts_engines, .chain = &tts_chain.base};

struct tts {
    struct engine_opened opened;
};

const struct tts_engine_ops *tts_link_ops(const struct engine_link *link)
{
    return (const struct tts_engine_ops *)link->ops;
}

void tts_result_clear(struct tts_result *result)
{
    pcm_clear(&result->audio);
    *result = (struct tts_result){0};
}

struct tts *tts_open(const char *name, const struct engine_config *config, struct dub_error *error)
{
    struct engine_opened opened;
    if (!engine_open(&opened, &stage, name, config, error))
        return NULL;
    struct tts *tts = g_new0(struct tts, 1);
    tts->opened = opened;
    return tts;
}

void tts_close(struct tts *tts)
{
    if (!tts)
        return;
    engine_close(&tts->opened);
    g_free(tts);
}

void tts_describe(const struct tts *tts, struct engine_info *info)
{
    engine_link_describe(&tts->opened.link, info);
}

char *tts_link_used(const struct engine_link *link, const char *profile, const char *language)
{
    const struct tts_engine_ops *ops = tts_link_ops(link);
    g_autofree char *voice =
        language && ops->voice_of ? ops->voice_of(link->engine, profile, language) : NULL;
    return engine_link_used(link, voice);
}

bool tts_link_ask(const struct engine_link *link, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    return engine_link_greeted(link, &request->call) ||
           tts_link_ops(link)->speak(link->engine, request, audio, error);
}

char *tts_used(const struct tts *tts, const char *profile, const char *language)
{
    g_autofree char *base = engine_language_base(language);
    return tts_link_used(&tts->opened.link, profile, base);
}

bool tts_supports(const struct tts *tts, const char *language)
{
    const struct engine_link *link = &tts->opened.link;
    g_autofree char *base = engine_language_base(language);
    return base && tts_link_ops(link)->supports(link->engine, base);
}

int tts_max_concurrency(const struct tts *tts)
{
    return tts->opened.max_concurrency;
}

static bool check_request(const struct tts *tts, const struct tts_request *request, struct dub_error *error)
{
    if (!tts_supports(tts, request->language))
        return dub_error_set_stage(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_STAGE_TTS,
                                   "%s does not speak language \"%s\"", tts->opened.link.ops->name,
                                   request->language ? request->language : "");
    if (!request->text || strlen(request->text) > TTS_MAX_BYTES)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS, "the text is %s",
                                   request->text ? "longer than 16 KiB" : "missing");
    if (request->rate != 0.0 && !(request->rate >= TTS_MIN_RATE && request->rate <= TTS_MAX_RATE))
        return dub_error_set_stage(error, DUB_ERROR_INVALID_ARGUMENT, DUB_STAGE_TTS,
                                   "speaking rate %g is outside %g..%g", request->rate, TTS_MIN_RATE,
                                   TTS_MAX_RATE);
    return engine_call_go_on(&request->call, DUB_STAGE_TTS, error);
}

static bool check_clip(const struct pcm *audio, struct dub_error *error)
{
    if (audio->count > (size_t)audio->rate_hz * (PCM_MAX_MS / 1000))
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "the clip is longer than %d s", PCM_MAX_MS / 1000);
    if (audio->count == 0)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "the engine made no sound for the text");
    return true;
}

static bool ask_engine(struct tts *tts, const struct tts_request *request, struct pcm *audio,
                       struct dub_error *error)
{
    struct tts_request plain = *request;
    if (plain.rate == 0.0)
        plain.rate = 1.0;
    if (!guard_has_letters(request->text))
        return true;
    if (!tts_link_ask(&tts->opened.link, &plain, audio, error))
        return false;
    if (request->call.fragment == ENGINE_CALL_WARM_UP && audio->count == 0)
        return true;
    edges_trim(audio, KEEP_MS);
    if (!check_clip(audio, error))
        return false;
    loudness_normalise(audio, LOUDNESS_SPEECH_DBFS, MAX_GAIN_DB);
    edges_fade(audio, FADE_MS);
    return true;
}

bool tts_speak(struct tts *tts, const struct tts_request *request, struct tts_result *result,
               struct dub_error *error)
{
    tts_result_clear(result);
    if (!check_request(tts, request, error))
        return false;
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    bool done = ask_engine(tts, request, &result->audio, error);
    if (!done)
        pcm_clear(&result->audio);
    result->took_ms = (double)(dub_clock_now_ns(dub_clock_monotonic()) - start_ns) / (double)DUB_NS_PER_MS;
    return done;
}
