/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to tts/: the tables of the engines compiled in. */
#pragma once

#include "../open.h"
#include "tts.h"

extern const struct tts_engine_ops tts_elevenlabs;
extern const struct tts_engine_ops tts_espeak;
extern const struct tts_engine_ops tts_openai;
extern const struct tts_engine_ops tts_mock;
extern const struct tts_engine_ops tts_piper; /* where its library was there: HAVE_PIPER */

/* Several as one (tts_chain.c); its engine is a struct chain_links. */
extern const struct tts_engine_ops tts_chain;

const struct tts_engine_ops *tts_link_ops(const struct engine_link *link);
/* Asks the engine itself. A warm-up that a greeting has done has no sound. */
bool tts_link_ask(const struct engine_link *link, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error);
/* What serves such a request, for a fragment's metadata; owned by the caller. */
char *tts_link_used(const struct engine_link *link, const char *profile, const char *language);
