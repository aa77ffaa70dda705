/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the apertium engine: capitals. Apertium carries the capital of a sentence's first word over to
 * whatever word its rules put beside it ("EL agua", "gracias Para"), and a sentence's first word hides
 * whether it is a name. So the first word goes in small unless it must not, and in the answer only those
 * words keep a capital for which the source has one, and those that always have one. Pure; results are owned
 * by the caller. */
#pragma once

#include <glib.h>

/* The text with the first word of each sentence small, where nothing says that it is a name: "I", acronyms
 * and words before another capital stay. */
char *apertium_case_lower_starts(const char *text, const char *language);
/* The answer with capitals only where `sent`, the text that was asked, has names. */
char *apertium_case_restore(const char *answer, const char *sent, const char *language);
/* A capital at the start of each sentence. */
char *apertium_case_raise_starts(const char *text);
