/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a program ended, by what it wrote to stderr: the message of its last error line, where it logs in our
 * format; else its last plain line, such as those of a configuration that is wrong, which come before there
 * is a log. What a URL hides (dub_url_mask) is hidden. */
#pragma once

#include <glib.h>

#define LAST_WORDS_MAX_BYTES 1024

/* Zeroed to begin with. */
struct last_words {
    char *error;    /* NULL: none */
    GString *plain; /* NULL: none */
};

void last_words_take(struct last_words *words, const char *line);
/* Owned by the caller; NULL when nothing was said. */
char *last_words_tell(const struct last_words *words);
void last_words_clear(struct last_words *words);
