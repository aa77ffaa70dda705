/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: what a LibreTranslate server answers (its OpenAPI description, version 1.6). Pure,
 * any thread. */
#pragma once

#include <glib.h>

#define LIBRETRANSLATE_MAX_PAIRS 20000

/* Codes as the server says them, "pt-BR". */
struct libretranslate_pair {
    char *source, *target;
};

/* GET /languages: struct libretranslate_pair in the server's order; NULL: no such answer, or no pair. */
GArray *libretranslate_read_languages(const void *body, gsize size);
/* POST /translate; owned by the caller; NULL: no such answer. */
char *libretranslate_read_text(const void *body, gsize size);
