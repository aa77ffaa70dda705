/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to text/: which tables a language code asks for. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whether "en-GB" is "en": language may be NULL, base is small letters. */
bool text_is_language(const char *language, const char *base);
/* Whether the NULL-terminated list has the word; NULL is in none. */
bool text_is_one_of(const char *word, const char *const *list);
