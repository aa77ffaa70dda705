/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever stands in domain_hints (here: one per line), what comes out is a bounded number of words of
 * letters and apostrophes, and a language model that names no others. */
#include "hints.h"

#include <fuzz_target.h>
#include <stdlib.h>
#include <string.h>

static bool any_word(const char *word, void *user)
{
    return true;
}

static void check_phrase(const GArray *phrase)
{
    if (phrase->len == 0 || phrase->len > HINTS_MAX_WORDS)
        abort();
    for (guint i = 0; i < phrase->len; i++) {
        const char *text = g_array_index(phrase, struct hint_word, i).text;
        if (*text == '\0' || strlen(text) > HINTS_MAX_LETTERS ||
            strspn(text, "abcdefghijklmnopqrstuvwxyz'") != strlen(text))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    hints_auto hints = hints_parse((const char *const *)lines);
    if (!hints)
        return 0;
    if (hints->phrases->len > HINTS_MAX_PHRASES)
        abort();
    if (hints->ignored && !g_utf8_validate(hints->ignored, -1, NULL))
        abort();
    for (guint i = 0; i < hints->phrases->len; i++)
        check_phrase(hints->phrases->pdata[i]);
    g_autofree char *model = hints_language_model(hints, 0.001, any_word, NULL);
    if ((model != NULL) != (hints->phrases->len > 0))
        abort();
    return 0;
}
