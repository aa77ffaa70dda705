/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the llama engine: the border to llama.cpp. One model is loaded once; each thread has a decoder
 * of its own on it. */
#pragma once

#include "llama_prompt.h"

#include <dubbing_error.h>

struct llama_weights; /* a loaded model, read-only: any thread, as long as its decoders live */
struct llama_decoder; /* one thread at a time */

struct llama_task {
    const char *system;   /* NULL: no such turn */
    const char *user;     /* for a model with an encoder the whole of it */
    const char *text;     /* what of it is translated: it bounds the answer */
    const char *chat;     /* as llama_family_chat(); NULL: no turns */
    const char *preface;  /* as llama_family_preface() */
    const int *abandoned; /* atomic: once it is not 0, nobody waits for the result */
};

/* path: the model. device as in struct engine_config. threads: of one computation. Slow. UNAVAILABLE names a
 * file that cannot be used; INVALID_CONFIG: the device is not there. */
struct llama_weights *llama_weights_load(const char *path, const char *device, int threads,
                                         struct dub_error *error);
/* NULL is fine. After its decoders. */
void llama_weights_free(struct llama_weights *weights);
/* Borrowed from them. */
const struct llama_facts *llama_weights_facts(const struct llama_weights *weights);
/* The GPU's name by its driver; NULL: it runs on processors. */
const char *llama_weights_gpu(const struct llama_weights *weights);
/* What was said, with a space in each word that would mean something to the model ("<|im_end|>"), so that
 * nobody speaks to it. Owned by the caller. */
char *llama_weights_plain(const struct llama_weights *weights, const char *text);
/* Whether turns of a chat can be written so. */
bool llama_weights_can_chat(const char *chat);

struct llama_decoder *llama_decoder_new(const struct llama_weights *weights, struct dub_error *error);
void llama_decoder_free(struct llama_decoder *decoder);
/* The most likely words one after the other, owned by the caller, valid UTF-8, until the model ends them or
 * begins another line. HALLUCINATION_SUSPECTED: it does not come to an end. */
char *llama_decoder_run(struct llama_decoder *decoder, const struct llama_task *task,
                        struct dub_error *error);
