/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to tts/: the tables of the engines compiled in. */
#pragma once

#include "tts.h"

extern const struct tts_engine_ops tts_elevenlabs;
extern const struct tts_engine_ops tts_espeak;
extern const struct tts_engine_ops tts_openai;
extern const struct tts_engine_ops tts_mock;

/* One of a chain (tts_chain.c), which is created from them and not by name. */
struct tts_link {
    const struct tts_engine_ops *ops;
    struct tts_engine *engine;
};
extern const struct tts_engine_ops tts_chain;
struct tts_engine *tts_chain_new(const struct tts_link *take_links, unsigned count,
                                 const struct engine_config *config);
/* What has served, for a fragment's metadata; owned by the caller. */
char *tts_link_used(const struct tts_link *link, const char *profile, const char *language);
