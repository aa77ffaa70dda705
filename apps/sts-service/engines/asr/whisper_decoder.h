/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the whisper engine: the border to whisper.cpp. One model is loaded once; each thread has a
 * decoder of its own on it. */
#pragma once

#include "asr.h"

#define WHISPER_RATE_HZ 16000
struct whisper_model;   /* read-only once loaded: any thread, as long as its decoders live */
struct whisper_decoder; /* one thread at a time */

struct whisper_task {
    const struct pcm *audio; /* at WHISPER_RATE_HZ, not empty */
    const char *language;    /* whisper_model_supports() it */
    const char *prompt;      /* NULL: none */
    const int *abandoned;    /* atomic: once it is not 0, nobody waits for the result */
};

/* path: the model. voice_path: whisper.cpp's model of voice activity (Silero); NULL: none. device as in
 * struct engine_config. threads: of one computation. Slow. UNAVAILABLE names the file that cannot be used;
 * INVALID_CONFIG: the device is not there. */
struct whisper_model *whisper_model_load(const char *path, const char *voice_path, const char *device,
                                         int threads, struct dub_error *error);
/* NULL is fine. After its decoders. */
void whisper_model_free(struct whisper_model *model);
/* ISO 639-1 code, or ENGINE_LANGUAGE_UNKNOWN. */
bool whisper_model_supports(const struct whisper_model *model, const char *language);
/* Owned by the caller. */
GStrv whisper_model_languages(const struct whisper_model *model);
/* The GPU's name by its driver; NULL: it runs on processors. */
const char *whisper_model_gpu(const struct whisper_model *model);

struct whisper_decoder *whisper_decoder_new(const struct whisper_model *model, struct dub_error *error);
void whisper_decoder_free(struct whisper_decoder *decoder);
/* Words, their times, text and confidence, or no_speech. */
bool whisper_decoder_run(struct whisper_decoder *decoder, const struct whisper_task *task,
                         struct asr_transcript *transcript, struct dub_error *error);
