/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capitals for names that a recogniser has written small: "monday in new york" -> "Monday in New York".
 * Translators look names up with their capitals: small, "may" is a verb and "united" unites. Pure, any
 * thread. */
#pragma once

#include <glib.h>

/* Weekdays, months, languages and nationalities, well-known countries, cities and institutions of the
 * language (English and Spanish; text of another, and what is no UTF-8, comes back as it is). Words that are
 * also something else
 * ("may", "turkey", "polish") only where their neighbours tell; what has a capital keeps it. Words are joined
 * by single spaces, punctuation may stand behind them. Owned by the caller. */
char *text_restore_names(const char *text, const char *language);
