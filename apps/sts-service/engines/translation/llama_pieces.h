/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the llama engine: a text in pieces that a model takes at a time. A phrase of a stream is one or
 * two; what is longer must not cost more memory. Pure, any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Whole sentences, as many to a piece as fit into max_bytes (at least 8), or one to a piece; a longer one is
 * cut at a space, else between characters. Each piece is one line, trimmed, with a letter or a digit in it.
 */
GStrv llama_pieces(const char *text, size_t max_bytes, bool one_sentence);
/* Their translations, put together: with spaces where the writing has them. Takes nothing. */
char *llama_pieces_join(char *const *translations);
