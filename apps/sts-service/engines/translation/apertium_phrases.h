/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the apertium engine: what it must not take word by word. Greetings and other set phrases of
 * broadcasts have their translation here ("good evening" is no "tarde buena"), so have dates and times, and a
 * name behind a title is kept ("Mr Smith" is no blacksmith). */
#pragma once

#include "protect.h"

struct apertium_phrases;

struct apertium_phrases *apertium_phrases_new(void);
void apertium_phrases_free(struct apertium_phrases *phrases);

/* A text with these hidden. */
struct apertium_hidden {
    char *text;          /* what is to be asked */
    GArray *spans;       /* struct protect_span; none: text is the source's */
    GStringChunk *names; /* and dates */
    struct protection protection;
};

/* text as apertium_source_prepare() makes it; languages as base codes. phrases outlives hidden. */
void apertium_phrases_hide(const struct apertium_phrases *phrases, const char *text, const char *source,
                           const char *target, struct apertium_hidden *hidden);
void apertium_hidden_clear(struct apertium_hidden *hidden);
