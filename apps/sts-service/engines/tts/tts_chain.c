/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several voices as one: the next serves when one fails or is too slow (../chain.h). */
#include "../chain.h"
#include "engines.h"
#include <string.h>

struct tts_engine {
    struct chain *chain;
    unsigned count;
    struct tts_link links[CHAIN_MAX_LINKS];
};

struct tts_engine *tts_chain_new(const struct tts_link *take_links, unsigned count,
                                 const struct engine_config *config)
{
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    const char *names[CHAIN_MAX_LINKS];
    engine->count = MIN(count, CHAIN_MAX_LINKS);
    for (unsigned i = 0; i < engine->count; i++) {
        engine->links[i] = take_links[i];
        names[i] = take_links[i].ops->name;
    }
    engine->chain = chain_new(DUB_STAGE_TTS, names, engine->count, config, NULL);
    return engine;
}

static void destroy(struct tts_engine *engine)
{
    for (unsigned i = 0; i < engine->count; i++)
        engine->links[i].ops->destroy(engine->links[i].engine);
    chain_free(engine->chain);
    g_free(engine);
}

static void describe(const struct tts_engine *engine, struct engine_info *info)
{
    GArray *links = chain_info_array();
    for (unsigned i = 0; i < engine->count; i++) {
        const struct tts_link *link = &engine->links[i];
        struct engine_info one = {.name = link->ops->name, .summary = link->ops->summary};
        link->ops->describe(link->engine, &one);
        g_array_append_val(links, one);
    }
    chain_describe(engine->chain, links, info);
}

/* A bit for each. */
static unsigned those_who_can(const struct tts_engine *engine, const char *language)
{
    unsigned able = 0;
    for (unsigned i = 0; i < engine->count; i++)
        if (engine->links[i].ops->supports(engine->links[i].engine, language))
            able |= 1u << i;
    return able;
}

static bool supports(const struct tts_engine *engine, const char *language)
{
    return those_who_can(engine, language) != 0;
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    struct tts_request asked = *request;
    struct dub_error problem = {0};
    bool done = false;
    g_autofree char *base = engine_language_base(request->language);
    struct chain_walk walk = chain_walk_begin(engine->chain, &request->call, those_who_can(engine, base));
    for (int i = chain_walk_next(&walk); i >= 0; i = chain_walk_next(&walk)) {
        const struct tts_link *link = &engine->links[i];
        asked.call = walk.own;
        pcm_clear(audio);
        done = link->ops->speak(link->engine, &asked, audio, &problem);
        if (done)
            chain_walk_served(&walk, tts_link_used(link, request->voice, base));
        if (!chain_walk_tell(&walk, done, &problem))
            break;
    }
    if (!done && error)
        *error = problem;
    return done;
}

const struct tts_engine_ops tts_chain = {
    .name = "chain",
    .summary = "several engines, of which the next serves when one fails",
    .max_concurrency = 64,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .speak = speak,
};
