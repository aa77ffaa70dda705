/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: the tables of the engines compiled in. */
#pragma once

#include "../open.h"
#include "translation.h"

extern const struct translation_engine_ops translation_apertium;
extern const struct translation_engine_ops translation_deepl;
extern const struct translation_engine_ops translation_identity;
extern const struct translation_engine_ops translation_libretranslate;
#ifdef HAVE_LLAMA
extern const struct translation_engine_ops translation_llama;
#endif
extern const struct translation_engine_ops translation_mock;
extern const struct translation_engine_ops translation_openai;

/* Several as one (translation_chain.c); its engine is a struct chain_links. */
extern const struct translation_engine_ops translation_chain;

const struct translation_engine_ops *translation_link_ops(const struct engine_link *link);
/* Asks the engine itself. A warm-up that a greeting has done has the source for its translation. */
bool translation_link_ask(const struct engine_link *link, const struct translation_request *request,
                          struct translation_result *result, struct dub_error *error);
/* What serves such a request, for a fragment's metadata; owned by the caller. */
char *translation_link_used(const struct engine_link *link, const char *source, const char *target);
