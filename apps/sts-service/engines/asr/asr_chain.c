/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several recognisers as one: the next serves when one fails or is too slow (../chain.h). */
#include "../chain.h"
#include "engines.h"
#include <string.h>

struct asr_engine {
    struct chain *chain;
    unsigned count;
    struct asr_link links[CHAIN_MAX_LINKS];
};

struct asr_engine *asr_chain_new(const struct asr_link *take_links, unsigned count,
                                 const struct engine_config *config)
{
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    const char *names[CHAIN_MAX_LINKS];
    engine->count = MIN(count, CHAIN_MAX_LINKS);
    for (unsigned i = 0; i < engine->count; i++) {
        engine->links[i] = take_links[i];
        names[i] = take_links[i].ops->name;
    }
    engine->chain = chain_new(DUB_STAGE_ASR, names, engine->count, config, NULL);
    return engine;
}

static void destroy(struct asr_engine *engine)
{
    for (unsigned i = 0; i < engine->count; i++)
        engine->links[i].ops->destroy(engine->links[i].engine);
    chain_free(engine->chain);
    g_free(engine);
}

static void describe(const struct asr_engine *engine, struct engine_info *info)
{
    GArray *links = chain_info_array();
    for (unsigned i = 0; i < engine->count; i++) {
        const struct asr_link *link = &engine->links[i];
        struct engine_info one = {.name = link->ops->name, .summary = link->ops->summary};
        link->ops->describe(link->engine, &one);
        g_array_append_val(links, one);
    }
    chain_describe(engine->chain, links, info);
}

/* A bit for each. */
static unsigned those_who_can(const struct asr_engine *engine, const char *language)
{
    unsigned able = 0;
    for (unsigned i = 0; i < engine->count; i++)
        if (engine->links[i].ops->supports(engine->links[i].engine, language))
            able |= 1u << i;
    return able;
}

static bool supports(const struct asr_engine *engine, const char *language)
{
    return those_who_can(engine, language) != 0;
}

static void prepare(struct asr_engine *engine, const char *const *hints)
{
    for (unsigned i = 0; i < engine->count; i++)
        if (engine->links[i].ops->prepare)
            engine->links[i].ops->prepare(engine->links[i].engine, hints);
}

static void forget(struct asr_engine *engine, const char *session_id)
{
    for (unsigned i = 0; i < engine->count; i++)
        if (engine->links[i].ops->forget)
            engine->links[i].ops->forget(engine->links[i].engine, session_id);
}

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    struct asr_request asked = *request;
    struct dub_error problem = {0};
    bool done = false;
    g_autofree char *base = engine_language_base(request->language);
    struct chain_walk walk = chain_walk_begin(engine->chain, &request->call, those_who_can(engine, base));
    for (int i = chain_walk_next(&walk); i >= 0; i = chain_walk_next(&walk)) {
        const struct asr_link *link = &engine->links[i];
        asked.call = walk.own;
        asr_transcript_clear(transcript);
        done = link->ops->transcribe(link->engine, &asked, transcript, &problem);
        if (done)
            chain_walk_served(&walk, asr_link_used(link));
        if (!chain_walk_tell(&walk, done, &problem))
            break;
    }
    if (!done && error)
        *error = problem;
    return done;
}

const struct asr_engine_ops asr_chain = {
    .name = "chain",
    .summary = "several engines, of which the next serves when one fails",
    .max_concurrency = 64,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .prepare = prepare,
    .forget = forget,
    .transcribe = transcribe,
};
