/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: opens what STS_*_ENGINE names, said once for the three stages: one engine by its name,
 * the best that there is ("auto"), or several as one (chain_links.h). */
#pragma once

#include "engine.h"

/* An engine, opened. */
struct engine_link {
    const struct engine_ops *ops; /* the head of its stage's table */
    void *engine;
};

/* What a stage says of itself. */
struct engine_stage {
    enum dub_stage stage;
    const struct engine_ops *const *engines; /* compiled in, best first, NULL-terminated */
    const struct engine_ops *chain;          /* the table of several as one; its engine: chain_links_new() */
};

struct engine_opened {
    struct engine_link link;
    int max_concurrency; /* of the engine and of the configuration */
};

/* name: an engine's, "auto" (also NULL, ""): the first that can be created, and behind one that asks somebody
 * over the network the next ones down to the first that does not, what was skipped being logged; or a chain.
 * False with NOT_FOUND for a name that no engine has; UNAVAILABLE for one that this build was made without;
 * INVALID_CONFIG as the engine says it; UNAVAILABLE, with the last engine's reason, when none could be
 * created. */
bool engine_open(struct engine_opened *opened, const struct engine_stage *stage, const char *name,
                 const struct engine_config *config, struct dub_error *error);
void engine_close(struct engine_opened *opened);

void engine_link_describe(const struct engine_link *link, struct engine_info *info);
/* True when the call is a warm-up and that has been done by greet(): nothing more is to be asked. */
bool engine_link_greeted(const struct engine_link *link, const struct engine_call *call);
/* For a fragment's metadata, as engine_used(). model NULL: as the engine describes itself. */
char *engine_link_used(const struct engine_link *link, const char *model);
