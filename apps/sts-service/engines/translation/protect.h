/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: parts of a text that no translator shall touch. Each is replaced by a made-up word
 * that no dictionary knows ("Zqxaaaab"), so that it takes its place in the sentence like a name, and put back
 * into the answer. Pure, any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define PROTECT_MAX_SPANS 64

struct protect_span {
    gsize at;
    gsize length;
    const char *value; /* what stands there in the end; borrowed until protect_restore() */
    bool raise;        /* an ordinary word: with a capital at the start of a sentence */
};

struct protection {
    char prefix[8]; /* of the made-up words; not in the text */
    const GArray *spans;
};

/* Whether one of the spans has a part of this. */
bool protect_is_taken(const GArray *spans, gsize at, gsize length);
/* By their places, as protect_text() wants them. */
void protect_sort(GArray *spans);

/* spans: struct protect_span in order, not overlapping, at most PROTECT_MAX_SPANS; borrowed. The text with
 * the made-up words, owned by the caller. */
char *protect_text(struct protection *protection, const char *text, const GArray *spans);
/* The answer with the values, owned by the caller; NULL when the translator has lost one of them. */
char *protect_restore(const struct protection *protection, const char *answer);
