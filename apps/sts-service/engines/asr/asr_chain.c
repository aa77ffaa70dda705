/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several recognisers as one: the next serves when one fails or is too slow (../chain.h). */
#include "../chain_links.h"
#include "engines.h"

struct asr_engine {
    struct chain_links links;
};

struct asked {
    const struct asr_request *request;
    const char *language; /* its base */
    struct asr_transcript *transcript;
};

static bool can(const struct engine_link *link, const void *data)
{
    const struct asked *asked = data;
    return asr_link_ops(link)->supports(link->engine, asked->language);
}

static bool ask(const struct engine_link *link, const struct engine_call *terms, void *data,
                struct dub_error *error)
{
    const struct asked *asked = data;
    struct asr_request request = *asked->request;
    request.call = *terms;
    asr_transcript_clear(asked->transcript);
    return asr_link_ops(link)->transcribe(link->engine, &request, asked->transcript, error);
}

static char *used(const struct engine_link *link, const void *data)
{
    return engine_link_used(link, NULL);
}

static const struct chain_question question = {.can = can, .ask = ask, .used = used};

static bool supports(const struct asr_engine *engine, const char *language)
{
    const struct asked asked = {.language = language};
    return chain_links_can(&engine->links, &question, &asked);
}

static void prepare(struct asr_engine *engine, const char *const *hints)
{
    for (unsigned i = 0; i < engine->links.count; i++)
        asr_link_prepare(&engine->links.link[i], hints);
}

static void forget(struct asr_engine *engine, const char *session_id)
{
    for (unsigned i = 0; i < engine->links.count; i++)
        asr_link_forget(&engine->links.link[i], session_id);
}

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    g_autofree char *base = engine_language_base(request->language);
    struct asked asked = {.request = request, .language = base, .transcript = transcript};
    return chain_links_ask(&engine->links, &question, &request->call, &asked, error);
}

const struct asr_engine_ops asr_chain = {
    .base = CHAIN_LINKS_OPS,
    .supports = supports,
    .prepare = prepare,
    .forget = forget,
    .transcribe = transcribe,
};
