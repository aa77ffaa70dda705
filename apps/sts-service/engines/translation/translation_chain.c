/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several translators as one: the next serves when one fails or is too slow (../chain.h). */
#include "../chain.h"
#include "engines.h"
#include <string.h>

struct translation_engine {
    struct chain *chain;
    unsigned count;
    struct translation_link links[CHAIN_MAX_LINKS];
};

struct translation_engine *translation_chain_new(const struct translation_link *take_links, unsigned count,
                                                 const struct engine_config *config)
{
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    const char *names[CHAIN_MAX_LINKS];
    engine->count = MIN(count, CHAIN_MAX_LINKS);
    for (unsigned i = 0; i < engine->count; i++) {
        engine->links[i] = take_links[i];
        names[i] = take_links[i].ops->name;
    }
    engine->chain = chain_new(DUB_STAGE_TRANSLATION, names, engine->count, config, NULL);
    return engine;
}

static void destroy(struct translation_engine *engine)
{
    for (unsigned i = 0; i < engine->count; i++)
        engine->links[i].ops->destroy(engine->links[i].engine);
    chain_free(engine->chain);
    g_free(engine);
}

static void describe(const struct translation_engine *engine, struct engine_info *info)
{
    GArray *links = chain_info_array();
    for (unsigned i = 0; i < engine->count; i++) {
        const struct translation_link *link = &engine->links[i];
        struct engine_info one = {.name = link->ops->name, .summary = link->ops->summary};
        link->ops->describe(link->engine, &one);
        g_array_append_val(links, one);
    }
    chain_describe(engine->chain, links, info);
}

/* A bit for each. */
static unsigned those_who_can(const struct translation_engine *engine, const char *source, const char *target)
{
    unsigned able = 0;
    for (unsigned i = 0; i < engine->count; i++)
        if (engine->links[i].ops->supports(engine->links[i].engine, source, target))
            able |= 1u << i;
    return able;
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    return those_who_can(engine, source, target) != 0;
}

static bool translate(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error)
{
    struct translation_request asked = *request;
    struct dub_error problem = {0};
    bool done = false;
    struct chain_walk walk =
        chain_walk_begin(engine->chain, &request->call,
                         those_who_can(engine, request->source_language, request->target_language));
    for (int i = chain_walk_next(&walk); i >= 0; i = chain_walk_next(&walk)) {
        const struct translation_link *link = &engine->links[i];
        asked.call = walk.own;
        translation_result_clear(result);
        done = link->ops->translate(link->engine, &asked, result, &problem);
        if (done)
            chain_walk_served(&walk,
                              translation_link_used(link, request->source_variant, request->target_variant));
        if (!chain_walk_tell(&walk, done, &problem))
            break;
    }
    if (!done && error)
        *error = problem;
    return done;
}

const struct translation_engine_ops translation_chain = {
    .name = "chain",
    .summary = "several engines, of which the next serves when one fails",
    .max_concurrency = 64,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .translate = translate,
};
