/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the llama engine: how a model wants to be asked. Models that were made for translation have a
 * form of their own, and are good in that one; any other that follows instructions gets ours. Where each
 * comes from stands beside it. Pure, any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What is read from a model's file. */
struct llama_facts {
    const char *name;         /* "translategemma 4b it": all that it calls itself; never NULL */
    const char *architecture; /* "gemma3" */
    const char *template;     /* of its chat (Jinja); NULL: none */
    GHashTable *tags;         /* languages that its vocabulary has a tag "<2es>" for; NULL or empty: none */
    bool encodes;             /* encoder and decoder, as T5 */
};

/* "es" of a token "<2es>", "pt_BR" of "<2pt_BR>", owned by the caller; NULL: a script's tag ("<2Latn>"), or
 * none. */
char *llama_tag_language(const char *token);

struct llama_family;
/* Static. NULL: none that translates, an encoder's output is asked for and nothing is known of it. */
const struct llama_family *llama_family_of(const struct llama_facts *facts);
const char *llama_family_name(const struct llama_family *family);
/* "*-es" for each target, or pairs; "*-*": as far as the model goes. Owned by the caller. */
GStrv llama_family_pairs(const struct llama_family *family, const struct llama_facts *facts);
/* base codes */
bool llama_family_supports(const struct llama_family *family, const struct llama_facts *facts,
                           const char *source, const char *target);
/* How turns of its chat are written: one of llama.cpp's names ("chatml"), or its own template; NULL: it has
 * none, and goes on with what it is given. */
const char *llama_family_chat(const struct llama_family *family, const struct llama_facts *facts);
/* What the model says itself before it answers, where it would think aloud otherwise; "": nothing. */
const char *llama_family_preface(const struct llama_family *family, const struct llama_facts *facts);

struct llama_prompt {
    char *system; /* NULL: no such turn */
    char *user;
};
/* source and target as the caller says them ("es-MX"); text is one line. Clear it. */
void llama_prompt_init(struct llama_prompt *prompt, const struct llama_family *family,
                       const struct llama_facts *facts, const char *source, const char *target,
                       const char *text);
void llama_prompt_clear(struct llama_prompt *prompt);
