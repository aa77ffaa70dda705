/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the apertium engine: what is done to a text before and after so that rules and dictionaries made
 * for written language do well on speech. Pure; results are owned by the caller. */
#pragma once

#include "protect.h"

/* Forms that the dictionaries do not know become ones that they do ("mister jones" -> "Mr Jones", "gonna" ->
 * "going to"), and the first word of each sentence is small unless it is a name. */
char *apertium_source_prepare(const char *text, const char *language);
/* The answer to `sent` becomes the translation of `text`: capitals, what was hidden back in its place,
 * separators of numbers, opened questions. NULL: the answer has lost something that was hidden. */
char *apertium_source_finish(const char *answer, const char *sent, const struct protection *hidden,
                             const char *text, const char *source_language, const char *target_language);
