/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to text/: which words are names. Tables only; names.c applies them. Lists are small letters, words
 * between single spaces, with one at both ends. */
#pragma once

#include <glib.h>

/* A name that is also an ordinary word. Any of the lists may be NULL; "^" in one stands for the start of a
 * sentence. */
struct doubtful_name {
    const char *word;
    const char *after;      /* a name behind one of these */
    const char *before;     /* a name before one of these */
    const char *not_after;  /* no name behind one of these, otherwise one */
    const char *not_before; /* nor before one of these */
};

struct name_rules {
    const char *language;
    const char *always;         /* single words that are names and nothing else */
    const char *acronyms;       /* all in capitals */
    const char *const *phrases; /* names of several words, as they are written; NULL ends the list */
    const struct doubtful_name *doubtful; /* ends with an entry of NULLs */
};

/* NULL: the language has none. */
const struct name_rules *name_rules_for(const char *language);
