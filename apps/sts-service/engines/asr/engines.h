/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: the tables of the engines compiled in. */
#pragma once

#include "asr.h"

extern const struct asr_engine_ops asr_whisper; /* where its library was there: HAVE_WHISPER */
extern const struct asr_engine_ops asr_openai;
extern const struct asr_engine_ops asr_pocketsphinx;
extern const struct asr_engine_ops asr_mock;

/* One of a chain (asr_chain.c), which is created from them and not by name. */
struct asr_link {
    const struct asr_engine_ops *ops;
    struct asr_engine *engine;
};
extern const struct asr_engine_ops asr_chain;
struct asr_engine *asr_chain_new(const struct asr_link *take_links, unsigned count,
                                 const struct engine_config *config);
/* What has served, for a fragment's metadata; owned by the caller. */
char *asr_link_used(const struct asr_link *link);
