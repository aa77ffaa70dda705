/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "language.h"

#include <string.h>

bool text_is_language(const char *language, const char *base)
{
    gsize length = strlen(base);
    return language && g_ascii_strncasecmp(language, base, length) == 0 && !g_ascii_isalpha(language[length]);
}

bool text_is_one_of(const char *word, const char *const *list)
{
    return word && g_strv_contains(list, word);
}
