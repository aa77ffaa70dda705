/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: the tables of the engines compiled in. */
#pragma once

#include "../open.h"
#include "asr.h"

extern const struct asr_engine_ops asr_whisper; /* where its library was there: HAVE_WHISPER */
extern const struct asr_engine_ops asr_openai;
extern const struct asr_engine_ops asr_pocketsphinx;
extern const struct asr_engine_ops asr_mock;

/* Several as one (asr_chain.c); its engine is a struct chain_links. */
extern const struct asr_engine_ops asr_chain;

const struct asr_engine_ops *asr_link_ops(const struct engine_link *link);
/* As asr_prepare() and asr_forget(). */
void asr_link_prepare(const struct engine_link *link, const char *const *hints);
void asr_link_forget(const struct engine_link *link, const char *session_id);
