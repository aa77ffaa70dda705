/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several voices as one: the next serves when one fails or is too slow (../chain.h). */
#include "../chain_links.h"
#include "engines.h"

struct tts_engine {
    struct chain_links links;
};

struct asked {
    const struct tts_request *request;
    const char *language; /* its base */
    struct pcm *audio;
};

static bool can(const struct engine_link *link, const void *data)
{
    const struct asked *asked = data;
    return tts_link_ops(link)->supports(link->engine, asked->language);
}

static bool ask(const struct engine_link *link, const struct engine_call *terms, void *data,
                struct dub_error *error)
{
    const struct asked *asked = data;
    struct tts_request request = *asked->request;
    request.call = *terms;
    pcm_clear(asked->audio);
    return tts_link_ask(link, &request, asked->audio, error);
}

static char *used(const struct engine_link *link, const void *data)
{
    const struct asked *asked = data;
    return tts_link_used(link, asked->request->voice, asked->language);
}

static const struct chain_question question = {.can = can, .ask = ask, .used = used};

static bool supports(const struct tts_engine *engine, const char *language)
{
    const struct asked asked = {.language = language};
    return chain_links_can(&engine->links, &question, &asked);
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    g_autofree char *base = engine_language_base(request->language);
    struct asked asked = {.request = request, .language = base, .audio = audio};
    return chain_links_ask(&engine->links, &question, &request->call, &asked, error);
}

const struct tts_engine_ops tts_chain = {
    .base = CHAIN_LINKS_OPS,
    .supports = supports,
    .speak = speak,
};
