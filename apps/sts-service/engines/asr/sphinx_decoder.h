/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the pocketsphinx engine: one decoder, the border to the library. Used by one thread at a time.
 */
#pragma once

#include "channel_mean.h"
#include "engines.h"
#include "hints.h"
#include "sphinx_model.h"

#define SPHINX_RATE_HZ 16000

struct sphinx_decoder;

/* About half a second. On the thread that will use it. NULL with UNAVAILABLE and the library's reason. */
struct sphinx_decoder *sphinx_decoder_load(const struct sphinx_model *model, struct dub_error *error);
/* A decoder that also knows a stream's hints. It shares the language model of `plain`, which must belong to
 * the same thread and live longer; the library's models are not made for several threads. A quarter of a
 * second. */
struct sphinx_decoder *sphinx_decoder_load_with_hints(const struct sphinx_model *model,
                                                      const struct sphinx_decoder *plain,
                                                      const struct hints *hints, struct dub_error *error);
void sphinx_decoder_free(struct sphinx_decoder *decoder);

/* audio at SPHINX_RATE_HZ. *abandoned (atomic) becoming non-zero ends the work at the next 100 ms of audio
 * with CANCELLED; the final passes, a tenth of the audio's time, are not interrupted. */
bool sphinx_decoder_decode(struct sphinx_decoder *decoder, const struct pcm *audio,
                           struct channel_means *means, const char *session_id, const int *abandoned,
                           struct asr_transcript *transcript, struct dub_error *error);
