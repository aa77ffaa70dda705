/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "steps.h"

#include "../audio/fit.h"
#include "../audio/loudness.h"
#include "../audio/wire.h"
#include "../text/guard.h"
#include "../text/prepare.h"
#include "pauses.h"

#include <dubbing_clock.h>
#include <dubbing_text.h>
#include <math.h>

/* Of a text, in a message. */
#define SHOWN_BYTES 120

static struct engine_call call_of(const struct job *job)
{
    return (struct engine_call){
        .session_id = job->settings->session_id,
        .fragment = job->fragment.sequence_number,
        .cancellable = job->cancellable,
        .deadline_ns = job->deadline_ns,
    };
}

/* Whether there is anybody to work for. */
static bool may_start(const struct job *job, enum dub_stage stage, struct dub_error *error)
{
    struct engine_call call = call_of(job);
    if (engine_call_go_on(&call, stage, error))
        return true;
    error->stage = stage;
    return false;
}

/* Every failure names its stage, whatever the engine filled in. */
static enum step_outcome failed_in(enum dub_stage stage, struct dub_error *error)
{
    if (error->stage == DUB_STAGE_NONE)
        error->stage = stage;
    return STEP_FAILED;
}

static const char *source_language(const struct job *job)
{
    return job->text.language ? job->text.language : job->settings->source_language;
}

static enum step_outcome suspect(enum dub_stage stage, enum guard_verdict verdict, const char *text,
                                 struct dub_error *error)
{
    dub_error_set_stage(error, DUB_ERROR_HALLUCINATION_SUSPECTED, stage, "%s: \"%.*s\"",
                        guard_verdict_text(verdict), dub_text_cut(text, SHOWN_BYTES), text);
    return STEP_FAILED;
}

/* The clip in the form that the stream asked for. */
static bool set_dubbed_audio(struct job *job, const struct pcm *clip, struct dub_error *error)
{
    const struct job_settings *settings = job->settings;
    struct dub_audio *audio = &job->result.dubbed_audio;
    struct sound sound = sound_of_pcm(clip);

    if (!wire_encode(&sound, settings->out_format, settings->out_sample_rate_hz, settings->out_channels,
                     audio, error))
        return false;
    job->result.metadata.dubbed_duration_ms = audio->duration_ms;
    return true;
}

/* Nobody spoke: success with empty text and silence of the same length. */
static enum step_outcome be_silent(struct job *job, struct dub_error *error)
{
    pcm_auto silence = pcm_silence(job->settings->out_sample_rate_hz, job->fragment.audio.duration_ms);
    job->result.transcript = g_strdup("");
    job->result.translated_text = g_strdup("");
    job->result.status = DUB_FRAGMENT_SUCCESS;
    return set_dubbed_audio(job, &silence, error) ? STEP_DONE : STEP_FAILED;
}

static enum step_outcome take_transcript(struct job *job, const struct asr_transcript *transcript,
                                         const struct pcm *clip, struct dub_error *error)
{
    int64_t loud_ms = loudness_measure(clip, GUARD_SILENCE_DBFS).speech_ms;
    enum guard_verdict verdict =
        guard_transcript_of_sound(transcript->text, job->fragment.audio.duration_ms, loud_ms);
    job->text.transcript = g_strdup(transcript->text);
    if (*transcript->language &&
        engine_language_matches(job->settings->source_language, ENGINE_LANGUAGE_UNKNOWN))
        job->text.language = g_strdup(transcript->language);
    if (transcript->no_speech || !*transcript->text)
        return be_silent(job, error);
    g_autofree char *marked = pauses_mark(transcript);
    g_autofree char *sentence = text_sentence_from_words(marked, source_language(job));
    /* Markers and hesitations only, however often. */
    if (!*sentence)
        return be_silent(job, error);
    if (verdict != GUARD_OK)
        return suspect(DUB_STAGE_ASR, verdict, transcript->text, error);
    job->text.prepared_source = g_strdup(sentence);
    job->result.transcript = g_steal_pointer(&sentence);
    return STEP_NEXT;
}

enum step_outcome step_recognise(const struct engines *engines, struct job *job, struct dub_error *error)
{
    pcm_auto clip = {0};
    struct asr_transcript transcript = {0};
    struct asr_request request = {
        .call = call_of(job),
        .audio = &clip,
        .language = job->settings->source_language,
        .hints = (const char *const *)job->settings->domain_hints,
    };

    request.call.used = &job->result.metadata.asr_model;
    if (!may_start(job, DUB_STAGE_ASR, error))
        return STEP_FAILED;
    if (!wire_decode_speech(&job->fragment.audio, &clip, error))
        return failed_in(DUB_STAGE_INPUT, error);
    if (!loudness_may_be_speech(&clip))
        return be_silent(job, error);
    job->result.metadata.asr_model = engine_used(engines->asr_info.name, engines->asr_info.model);
    bool heard = asr_transcribe(engines->asr, &request, &transcript, error);
    job->result.stage_timings.asr_ms = llround(transcript.took_ms);
    enum step_outcome outcome =
        heard ? take_transcript(job, &transcript, &clip, error) : failed_in(DUB_STAGE_ASR, error);
    asr_transcript_clear(&transcript);
    return outcome;
}

/* A translation that failed: the source text is spoken where that is configured, and the client told why. */
static enum step_outcome untranslated(const struct engines *engines, struct job *job, struct dub_error *error)
{
    struct engine_call call = call_of(job);
    struct dub_error over;
    if (!engines->speak_source || !engine_call_go_on(&call, DUB_STAGE_TRANSLATION, &over))
        return failed_in(DUB_STAGE_TRANSLATION, error);
    failed_in(DUB_STAGE_TRANSLATION, error);
    job->result.error = *error;
    g_free(job->result.translated_text);
    job->result.translated_text = g_strdup(job->result.transcript);
    return STEP_NEXT;
}

enum step_outcome step_translate(const struct engines *engines, struct job *job, struct dub_error *error)
{
    struct translation_result result = {0};
    struct translation_request request = {
        .call = call_of(job),
        .text = job->result.transcript,
        .source_language = source_language(job),
        .target_language = job->settings->target_language,
        .glossary = job->settings->glossary,
    };

    request.call.used = &job->result.metadata.translation_model;
    if (!may_start(job, DUB_STAGE_TRANSLATION, error))
        return STEP_FAILED;
    job->result.metadata.translation_model =
        translation_used(engines->translation, request.source_language, request.target_language);
    bool translated = translation_translate(engines->translation, &request, &result, error);
    job->result.stage_timings.translation_ms = llround(result.took_ms);
    job->text.translation = g_strdup(result.text);
    job->result.translated_text = g_steal_pointer(&result.text);
    translation_result_clear(&result);
    if (!translated)
        return untranslated(engines, job, error);
    enum guard_verdict verdict = guard_translation(job->result.transcript, job->result.translated_text);
    if (verdict == GUARD_OK)
        return STEP_NEXT;
    suspect(DUB_STAGE_TRANSLATION, verdict, job->result.translated_text, error);
    return untranslated(engines, job, error);
}

struct speaking {
    const struct engines *engines;
    struct job *job;
    const char *text;
};

static bool speak(double rate, struct pcm *clip, void *user, struct dub_error *error)
{
    const struct speaking *speaking = user;
    struct tts_result result = {0};
    struct tts_request request = {
        .call = call_of(speaking->job),
        .text = speaking->text,
        .language = speaking->job->settings->target_language,
        .voice = speaking->job->settings->voice_profile,
        .rate = rate,
    };
    request.call.used = &speaking->job->result.metadata.tts_model;
    bool spoken = tts_speak(speaking->engines->tts, &request, &result, error);
    if (spoken) {
        *clip = result.audio;
        result.audio = (struct pcm){0};
    }
    tts_result_clear(&result);
    return spoken;
}

static void note_fit(struct job *job, const struct fit_decision *decision)
{
    struct dub_fragment_processed *result = &job->result;
    result->metadata.duration_variance_percent = decision->variance_percent;
    result->metadata.speed_ratio = decision->speed_ratio;
    if (decision->verdict == FIT_PARTIAL && result->error.code == DUB_ERROR_NONE)
        dub_error_set_stage(&result->error, DUB_ERROR_DURATION_MISMATCH_EXCEEDED, DUB_STAGE_TTS,
                            "the dub lasts %" G_GINT64_FORMAT " ms, the fragment %" G_GINT64_FORMAT " ms",
                            decision->result_ms, job->fragment.audio.duration_ms);
    /* Also when an earlier stage has left something to be told. */
    result->status = result->error.code == DUB_ERROR_NONE ? DUB_FRAGMENT_SUCCESS : DUB_FRAGMENT_PARTIAL;
}

enum step_outcome step_speak(const struct engines *engines, struct job *job, struct dub_error *error)
{
    struct speaking speaking = {.engines = engines, .job = job};
    struct fit_slot slot = {
        .duration_ms = MAX(job->fragment.audio.duration_ms, 1),
        .max_duration_ms = job->fragment.metadata.max_duration_ms,
    };
    struct fit_decision decision = {0};
    pcm_auto clip = {0};
    int64_t start_ns = dub_clock_now_ns(dub_clock_monotonic());

    if (!may_start(job, DUB_STAGE_TTS, error))
        return STEP_FAILED;
    job->text.prepared_translation =
        text_prepare_for_speech(job->result.translated_text, job->settings->target_language);
    speaking.text = job->text.prepared_translation;
    job->result.metadata.tts_model =
        tts_used(engines->tts, job->settings->voice_profile, job->settings->target_language);
    bool fitted = fit_speech(&slot, speak, &speaking, &clip, &decision, error);
    int64_t took_ns = dub_clock_now_ns(dub_clock_monotonic()) - start_ns;
    job->result.stage_timings.tts_ms = took_ns / DUB_NS_PER_MS;
    if (!fitted)
        return failed_in(DUB_STAGE_TTS, error);
    if (clip.count == 0) {
        dub_error_set(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, "nothing was spoken for \"%.*s\"",
                      dub_text_cut(speaking.text, SHOWN_BYTES), speaking.text);
        return failed_in(DUB_STAGE_TTS, error);
    }
    note_fit(job, &decision);
    return set_dubbed_audio(job, &clip, error) ? STEP_DONE : STEP_FAILED;
}
