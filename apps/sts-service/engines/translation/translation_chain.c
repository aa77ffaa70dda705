/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several translators as one: the next serves when one fails or is too slow (../chain.h). */
#include "../chain_links.h"
#include "engines.h"

struct translation_engine {
    struct chain_links links;
};

struct asked {
    const struct translation_request *request;
    struct translation_result *result;
};

static bool can(const struct engine_link *link, const void *data)
{
    const struct translation_request *request = ((const struct asked *)data)->request;
    return translation_link_ops(link)->supports(link->engine, request->source_language,
                                                request->target_language);
}

static bool ask(const struct engine_link *link, const struct engine_call *terms, void *data,
                struct dub_error *error)
{
    const struct asked *asked = data;
    struct translation_request request = *asked->request;
    request.call = *terms;
    translation_result_clear(asked->result);
    return translation_link_ask(link, &request, asked->result, error);
}

static char *used(const struct engine_link *link, const void *data)
{
    const struct translation_request *request = ((const struct asked *)data)->request;
    return translation_link_used(link, request->source_variant, request->target_variant);
}

static const struct chain_question question = {.can = can, .ask = ask, .used = used};

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    struct translation_request request = {.source_language = source, .target_language = target};
    const struct asked asked = {.request = &request};
    return chain_links_can(&engine->links, &question, &asked);
}

static bool translate(struct translation_engine *engine, const struct translation_request *request,
                      struct translation_result *result, struct dub_error *error)
{
    struct asked asked = {.request = request, .result = result};
    return chain_links_ask(&engine->links, &question, &request->call, &asked, error);
}

const struct translation_engine_ops translation_chain = {
    .base = CHAIN_LINKS_OPS,
    .supports = supports,
    .translate = translate,
};
