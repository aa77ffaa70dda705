/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: a stream's domain hints as a vocabulary that a recogniser can use.
 *
 * A hint is a word or a short phrase, as people write it ("Pedri", "UEFA Super Cup"). Here it becomes
 * lower-case words of letters and apostrophes; what cannot become that is left out and counted. Pure, any
 * thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define HINTS_MAX_PHRASES 64
#define HINTS_MAX_WORDS 6    /* of a phrase */
#define HINTS_MAX_LETTERS 32 /* of a word */

struct hint_word {
    char *text;   /* "zelensky", "uefa" */
    char *spoken; /* what to look up a pronunciation for; "b b c" for letters that are named one by one */
};

/* Immutable, counted. */
struct hints {
    GPtrArray *phrases; /* each a GArray of struct hint_word, at least one */
    char *key;          /* equal for equal vocabularies */
    char *ignored;      /* the hints left out, for a log line; NULL: none */
};

/* hints NULL-terminated or NULL. NULL when there are none; phrases may be empty when all were left out. */
struct hints *hints_parse(const char *const *hints);
struct hints *hints_ref(struct hints *hints);
/* Gives one reference up. NULL is fine. */
void hints_free(struct hints *hints);
static inline void hints_auto_free(struct hints **hints)
{
    hints_free(*hints);
}
/* Given up at the end of the scope. */
#define hints_auto __attribute__((cleanup(hints_auto_free))) struct hints *

/* The phrases as a language model in the ARPA format: any of them may begin anywhere with a probability of
 * `begin`, and its words then follow each other nearly for certain. Words for which `known` is false are left
 * out with their phrases; NULL when nothing is left. Owned by the caller. */
char *hints_language_model(const struct hints *hints, double begin,
                           bool (*known)(const char *word, void *user), void *user);
