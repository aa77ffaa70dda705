/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "asr.h"

#include "engines.h"

const struct engine_ops *const asr_engines[] = {&asr_openai.base,
#ifdef HAVE_WHISPER
                                                &asr_whisper.base,
#endif
                                                &asr_pocketsphinx.base, &asr_mock.base, NULL};

static const struct engine_stage stage = {
    .stage = DUB_STAGE_ASR, .engines = asr_engines, .chain = &asr_chain.base};

struct asr {
    struct engine_opened opened;
};

const struct asr_engine_ops *asr_link_ops(const struct engine_link *link)
{
    return (const struct asr_engine_ops *)link->ops;
}

static void clear_word(void *data)
{
    struct asr_word *word = data;
    g_free(word->text);
}

void asr_transcript_clear(struct asr_transcript *transcript)
{
    g_free(transcript->text);
    g_clear_pointer(&transcript->words, g_array_unref);
    *transcript = (struct asr_transcript){0};
}

void asr_transcript_add_word(struct asr_transcript *transcript, const char *text, int64_t start_ms,
                             int64_t end_ms, double confidence)
{
    if (!transcript->words) {
        transcript->words = g_array_new(FALSE, FALSE, sizeof(struct asr_word));
        g_array_set_clear_func(transcript->words, clear_word);
    }
    struct asr_word word = {
        .text = g_strdup(text), .start_ms = start_ms, .end_ms = end_ms, .confidence = confidence};
    g_array_append_val(transcript->words, word);
}

struct asr *asr_open(const char *name, const struct engine_config *config, struct dub_error *error)
{
    struct engine_opened opened;
    if (!engine_open(&opened, &stage, name, config, error))
        return NULL;
    struct asr *asr = g_new0(struct asr, 1);
    asr->opened = opened;
    return asr;
}

void asr_close(struct asr *asr)
{
    if (!asr)
        return;
    engine_close(&asr->opened);
    g_free(asr);
}

void asr_describe(const struct asr *asr, struct engine_info *info)
{
    engine_link_describe(&asr->opened.link, info);
}

bool asr_supports(const struct asr *asr, const char *language)
{
    const struct engine_link *link = &asr->opened.link;
    g_autofree char *base = engine_language_base(language);
    return base && asr_link_ops(link)->supports(link->engine, base);
}

int asr_max_concurrency(const struct asr *asr)
{
    return asr->opened.max_concurrency;
}

void asr_link_prepare(const struct engine_link *link, const char *const *hints)
{
    const struct asr_engine_ops *ops = asr_link_ops(link);
    if (ops->prepare)
        ops->prepare(link->engine, hints);
}

void asr_prepare(struct asr *asr, const char *const *hints)
{
    if (hints)
        asr_link_prepare(&asr->opened.link, hints);
}

void asr_link_forget(const struct engine_link *link, const char *session_id)
{
    const struct asr_engine_ops *ops = asr_link_ops(link);
    if (ops->forget)
        ops->forget(link->engine, session_id);
}

void asr_forget(struct asr *asr, const char *session_id)
{
    asr_link_forget(&asr->opened.link, session_id);
}

static bool check_request(const struct asr *asr, const struct asr_request *request, struct dub_error *error)
{
    const struct pcm *audio = request->audio;
    if (!audio || audio->count == 0 || audio->rate_hz < PCM_MIN_RATE_HZ || audio->rate_hz > PCM_MAX_RATE_HZ)
        return dub_error_set_stage(error, DUB_ERROR_INVALID_AUDIO_FORMAT, DUB_STAGE_ASR,
                                   "no audio to recognise: %zu samples at %d Hz", audio ? audio->count : 0,
                                   audio ? audio->rate_hz : 0);
    if (!asr_supports(asr, request->language))
        return dub_error_set_stage(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR, DUB_STAGE_ASR,
                                   "%s does not recognise language \"%s\"", asr->opened.link.ops->name,
                                   request->language ? request->language : "");
    return engine_call_go_on(&request->call, DUB_STAGE_ASR, error);
}

bool asr_transcribe(struct asr *asr, const struct asr_request *request, struct asr_transcript *transcript,
                    struct dub_error *error)
{
    const struct engine_link *link = &asr->opened.link;
    asr_transcript_clear(transcript);
    if (!check_request(asr, request, error))
        return false;
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());
    bool done = asr_link_ops(link)->transcribe(link->engine, request, transcript, error);
    transcript->took_ms =
        (double)(dub_clock_now_ns(dub_clock_monotonic()) - start_ns) / (double)DUB_NS_PER_MS;
    if (done && !transcript->no_speech && !*transcript->language &&
        engine_language_matches(request->language, ENGINE_LANGUAGE_UNKNOWN))
        done = dub_error_set_stage(error, DUB_ERROR_ASR_FAILED, DUB_STAGE_ASR,
                                   "%s has not found out the language", link->ops->name);
    if (done && !transcript->text)
        transcript->text = g_strdup("");
    if (done && !transcript->words)
        transcript->words = g_array_new(FALSE, FALSE, sizeof(struct asr_word));
    return done;
}
