/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: the engine that is several engines of a stage, asked one after the other as chain.h
 * says. What the three stages share; what they ask is theirs (asr/asr_chain.c and its sisters). */
#pragma once

#include "chain.h"
#include "open.h"

struct chain_links {
    struct chain *chain;
    unsigned count;
    struct engine_link link[CHAIN_MAX_LINKS];
};

/* Takes the links, at least one; config says who is told of every call. */
struct chain_links *chain_links_new(enum dub_stage stage, const struct engine_link *take_links,
                                    unsigned count, const struct engine_config *config);
void chain_links_destroy(void *chain_links);
void chain_links_describe(const void *chain_links, struct engine_info *info);

/* The head of a stage's chain. */
#define CHAIN_LINKS_OPS                                                                                      \
    {                                                                                                        \
        .name = "chain", .summary = "several engines, of which the next serves when one fails",              \
        .max_concurrency = 64, .destroy = chain_links_destroy, .describe = chain_links_describe              \
    }

/* What a stage asks; asked is its own. */
struct chain_question {
    bool (*can)(const struct engine_link *link, const void *asked);
    bool (*ask)(const struct engine_link *link, const struct engine_call *terms, void *asked,
                struct dub_error *error);
    /* Who has served, as engine_used(); owned by the caller. */
    char *(*used)(const struct engine_link *link, const void *asked);
};

/* Whether one of the links can do it. */
bool chain_links_can(const struct chain_links *links, const struct chain_question *question,
                     const void *asked);
/* Until one has done it; on false error is the last one's. A warm-up (ENGINE_CALL_WARM_UP) is for all. Any
 * thread, several at a time. */
bool chain_links_ask(const struct chain_links *links, const struct chain_question *question,
                     const struct engine_call *call, void *asked, struct dub_error *error);
