/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pronounce.h"

#include <flite/flite.h>
#include <glib.h>
#include <string.h>

cst_lexicon *cmu_lex_init(void); /* of flite_cmulex, which has no header */

static cst_lexicon *lexicon(void)
{
    static gsize ready;
    static cst_lexicon *shared;
    if (g_once_init_enter(&ready)) {
        shared = cmu_lex_init();
        g_once_init_leave(&ready, 1);
    }
    return shared;
}

/* "ax0" -> "AH", "eh1" -> "EH": the model knows neither stress nor the reduced vowel. */
static void append_phone(GString *out, const char *phone)
{
    size_t length = strlen(phone);
    if (length > 0 && g_ascii_isdigit(phone[length - 1]))
        length--;
    if (out->len > 0)
        g_string_append_c(out, ' ');
    if (length == 2 && strncmp(phone, "ax", 2) == 0) {
        g_string_append(out, "AH");
        return;
    }
    for (size_t i = 0; i < length; i++)
        g_string_append_c(out, g_ascii_toupper(phone[i]));
}

static void append_word(GString *out, const char *word)
{
    /* A letter by itself is its name: without this "a" would be the article. */
    cst_val *phones = lex_lookup(lexicon(), word, strlen(word) == 1 ? "nn" : NULL, NULL);
    for (const cst_val *at = phones; at; at = val_cdr(at))
        append_phone(out, val_string(val_car(at)));
    delete_val(phones);
}

char *pronounce(const char *words)
{
    g_auto(GStrv) parts = g_strsplit(words, " ", -1);
    GString *out = g_string_new(NULL);
    for (char **part = parts; *part; part++)
        if (**part != '\0')
            append_word(out, *part);
    if (out->len > 0)
        return g_string_free(out, FALSE);
    g_string_free(out, TRUE);
    return NULL;
}
