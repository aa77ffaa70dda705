/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: who speaks a request. Profiles of voices.json name a voice (`model`) and its
 * speaker; else a language's first voice speaks. Read-only once made: any thread. */
#pragma once

#include "piper_find.h"
#include "voices.h"

struct piper_cast;

/* found outlives it, as do the voices (NULL: there are no profiles). A profile that cannot be used is told in
 * the log. */
struct piper_cast *piper_cast_new(const GPtrArray *found, const struct voices *voices);
void piper_cast_free(struct piper_cast *cast);

struct piper_role {
    const struct piper_found *found; /* NULL: nobody speaks the language */
    int speaker;
    const struct voice *profile; /* NULL: none */
};
/* profile: NULL or "default": the language's. language: a base code. */
struct piper_role piper_cast_find(const struct piper_cast *cast, const char *profile, const char *language);
/* The profiles that can be used, "default" where there are none. Owned by the caller. */
GStrv piper_cast_profiles(const struct piper_cast *cast);
/* Sorted, each once. Owned by the caller. */
GStrv piper_cast_languages(const struct piper_cast *cast);
