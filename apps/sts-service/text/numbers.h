/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers between the stages: spoken ones become digits where a translator would take them word by word, and
 * written ones change their separators with the language. Pure, any thread; results are owned by the caller.
 */
#pragma once

#include <glib.h>

/* "twenty five people" -> "25 people", "nineteen eighty four" -> "1984", "two point five" -> "2.5", "twenty
 * first" -> "21st". Single words ("five"), and "million" and above, stay as they are: every translator knows
 * them. English; text of another language comes back as it is. */
char *text_numbers_to_digits(const char *text, const char *language);

/* "beat them three to one" -> "beat them 3-1", "lost two nil" -> "lost 2-0": only beside a word of winning or
 * losing, and not "from three to one". English, as above. */
char *text_scores_to_digits(const char *text, const char *language);

/* "1,250.5" in a text of a language that writes it so becomes "1.250,5" for one that writes it the other way
 * round. Times, dates and versions are left. */
char *text_numbers_localise(const char *text, const char *from, const char *to);
