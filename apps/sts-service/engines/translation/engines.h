/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: the tables of the engines compiled in. */
#pragma once

#include "translation.h"

extern const struct translation_engine_ops translation_apertium;
extern const struct translation_engine_ops translation_deepl;
extern const struct translation_engine_ops translation_identity;
extern const struct translation_engine_ops translation_libretranslate;
extern const struct translation_engine_ops translation_mock;
extern const struct translation_engine_ops translation_openai;

/* One of a chain (translation_chain.c), which is created from them and not by name. */
struct translation_link {
    const struct translation_engine_ops *ops;
    struct translation_engine *engine;
};
extern const struct translation_engine_ops translation_chain;
struct translation_engine *translation_chain_new(const struct translation_link *take_links, unsigned count,
                                                 const struct engine_config *config);
/* What has served, for a fragment's metadata; owned by the caller. */
char *translation_link_used(const struct translation_link *link, const char *source, const char *target);
