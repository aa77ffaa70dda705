/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: the part of a fragment in which somebody may speak, as a job for a recogniser's threads
 * (../job_queue.h). */
#pragma once

#include "../../audio/loudness.h"
#include "../job_queue.h"
#include "asr.h"

/* The head of a recogniser's own job. */
struct speech_job {
    struct engine_job base;
    struct pcm audio;                 /* at the recogniser's rate */
    int64_t offset_ms;                /* of audio from the start of the fragment */
    struct asr_transcript transcript; /* for the thread; its times are those of audio */
};

/* Where the speech is, with a little silence around it. False: there is none, and the transcript says so. */
bool speech_find(const struct asr_request *request, struct loudness_span *span,
                 struct asr_transcript *transcript);
/* False: the rate cannot be made; the job is still to be cleared. */
bool speech_job_cut(struct speech_job *job, const struct asr_request *request, struct loudness_span span,
                    int rate_hz, struct dub_error *error);
void speech_job_clear(struct speech_job *job);
/* What became of a job that is done, with the fragment's times. */
bool speech_job_result(struct speech_job *job, struct asr_transcript *transcript, struct dub_error *error);
