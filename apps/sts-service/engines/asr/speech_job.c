/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "speech_job.h"

#include "../../audio/resample.h"

/* Models were trained with a little silence around the speech; more of it only costs. */
#define MARGIN_MS 200

bool speech_find(const struct asr_request *request, struct loudness_span *span,
                 struct asr_transcript *transcript)
{
    *span = loudness_find_speech(request->audio, MARGIN_MS);
    if (span->count > 0)
        return true;
    transcript->no_speech = true;
    transcript->confidence = 1.0;
    return false;
}

bool speech_job_cut(struct speech_job *job, const struct asr_request *request, struct loudness_span span,
                    int rate_hz, struct dub_error *error)
{
    struct pcm speech = *request->audio;
    speech.samples += span.first;
    speech.count = span.count;
    job->offset_ms = (int64_t)span.first * 1000 / speech.rate_hz;
    return pcm_resample(&speech, rate_hz, &job->audio, error);
}

void speech_job_clear(struct speech_job *job)
{
    pcm_clear(&job->audio);
    asr_transcript_clear(&job->transcript);
}

static void shift_words(struct asr_transcript *transcript, int64_t by_ms)
{
    for (guint i = 0; transcript->words && i < transcript->words->len; i++) {
        struct asr_word *word = &g_array_index(transcript->words, struct asr_word, i);
        word->start_ms += by_ms;
        word->end_ms += by_ms;
    }
}

bool speech_job_result(struct speech_job *job, struct asr_transcript *transcript, struct dub_error *error)
{
    if (!job->base.succeeded) {
        if (error)
            *error = job->base.error;
        return false;
    }
    *transcript = job->transcript;
    job->transcript = (struct asr_transcript){0};
    shift_words(transcript, job->offset_ms);
    return true;
}
