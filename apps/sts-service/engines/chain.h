/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: several engines of a stage, of which the next serves when one fails or is too slow.
 *
 * Each stream has its own view of each engine: one that has failed it CHAIN_MAX_FAILURES times in a row is
 * left alone for CHAIN_FIRST_PAUSE_NS, then asked once more; if that fails too, for twice as long, up to
 * CHAIN_MAX_PAUSE_NS. The last engine that can do it is never left alone: something must serve. An engine
 * with others behind it gets half of the time that is left, so that they have the other half.
 *
 *     struct chain_walk walk = chain_walk_begin(chain, call, those who can do this at all);
 *     for (int i = chain_walk_next(&walk); i >= 0; i = chain_walk_next(&walk)) {
 *         bool done = ask link i on the terms of walk.own, with &problem;
 *         if (!chain_walk_tell(&walk, done, &problem))
 *             return done;
 *     } */
#pragma once

#include "engine.h"

#define CHAIN_MAX_LINKS 8
#define CHAIN_MAX_FAILURES 2
#define CHAIN_FIRST_PAUSE_NS (10 * DUB_NS_PER_S)
#define CHAIN_MAX_PAUSE_NS (160 * DUB_NS_PER_S)
/* For calls without a deadline: an engine that takes longer is too slow where another one waits. */
#define CHAIN_SLOW_NS (10 * DUB_NS_PER_S)

struct chain;

/* "elevenlabs:eleven_v3,espeak-ng": names with their models. */
struct chain_names {
    unsigned count;
    char *name[CHAIN_MAX_LINKS];
    char *model[CHAIN_MAX_LINKS]; /* NULL: the engine's default */
};
bool chain_is_named(const char *text);
/* first_model: of the first where it names none itself; may be NULL. False with INVALID_CONFIG, and *names is
 * then empty. */
bool chain_names_read(struct chain_names *names, const char *text, const char *first_model,
                      enum dub_stage stage, struct dub_error *error);
void chain_names_clear(struct chain_names *names);

/* names are borrowed, static; config says who is told of every call. clock NULL: the monotonic one. */
struct chain *chain_new(enum dub_stage stage, const char *const *names, unsigned count,
                        const struct engine_config *config, const struct dub_clock *clock);
void chain_free(struct chain *chain);
/* "elevenlabs,espeak-ng"; the chain's. */
const char *chain_name(const struct chain *chain);

struct chain_walk {
    struct chain *chain;
    const struct engine_call *call;
    struct engine_call own; /* the terms for the link that is asked */
    unsigned able;          /* a bit for each link that can do what is asked */
    int at;                 /* -1: before the first */
    bool probe;
};

/* Any thread; call is borrowed until the walk is over. able: a bit for each link that may be asked, at least
 * one. */
struct chain_walk chain_walk_begin(struct chain *chain, const struct engine_call *call, unsigned able);
/* -1: there is none left. What it returns must be asked and told of. */
int chain_walk_next(struct chain_walk *walk);
/* False when the walk is over: it has succeeded, or nobody waits, or no other link would do better. */
bool chain_walk_tell(struct chain_walk *walk, bool done, const struct dub_error *error);
/* Notes for the caller who has served: "elevenlabs eleven_v3". Takes used. */
void chain_walk_served(const struct chain_walk *walk, char *used);
