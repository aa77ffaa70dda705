/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: DeepL's codes and what its API (version 2) answers. Pure, any thread. */
#pragma once

#include <glib.h>

/* GET /v2/languages: codes as DeepL says them, "EN-US"; NULL: no such answer, or none. */
GStrv deepl_read_languages(const void *body, gsize size);
/* POST /v2/translate of one text; owned by the caller; NULL: no such answer. */
char *deepl_read_text(const void *body, gsize size);

/* The code to ask for: what is wanted exactly, else in the form that most people mean by it; known: the
 * targets there are, NULL: not known. base "es", variant "es-MX" or NULL. Owned by the caller; NULL: there is
 * none. */
char *deepl_target(const char *const *known, const char *base, const char *variant);
