/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_source.h"

#include "../../text/names.h"
#include "../../text/numbers.h"
#include "../../text/prepare.h"
#include "apertium_case.h"
#include <stdbool.h>
#include <string.h>

/* Whole words, whatever their case; "no." is taken for the abbreviation of number. A title makes a name of
 * the word behind it. */
static const struct {
    const char *from;
    const char *to;
    bool title;
} english_forms[] = {
    {"mister", "Mr", true},       {"mr.", "Mr", true},         {"mr", "Mr", true},
    {"mrs.", "Mrs", true},        {"mrs", "Mrs", true},        {"missus", "Mrs", true},
    {"ms.", "Ms", true},          {"dr.", "Doctor", true},     {"doctor", "Doctor", true},
    {"gonna", "going to", false}, {"wanna", "want to", false}, {"gotta", "have to", false},
    {"kinda", "kind of", false},  {"lotta", "lot of", false},  {"dunno", "don't know", false},
    {"'cause", "because", false}, {"okay", "OK", false},       {"no.", "no .", false},
    {"y'all", "you all", false},
};

static void append_capitalised(GString *out, const char *word)
{
    g_string_append_c(out, g_ascii_toupper(*word));
    g_string_append(out, *word != '\0' ? word + 1 : "");
}

/* Appends the known form of the word with the punctuation behind it. False: it has none. */
static bool append_form(GString *out, const char *word, bool *title)
{
    for (gsize i = 0; i < G_N_ELEMENTS(english_forms); i++) {
        gsize length = strlen(english_forms[i].from);
        if (g_ascii_strncasecmp(word, english_forms[i].from, length) != 0)
            continue;
        const char *rest = word + length;
        if (*rest != '\0' && (english_forms[i].title || !strchr(",.;:!?", *rest)))
            continue;
        g_string_append_printf(out, "%s%s", english_forms[i].to, rest);
        *title = english_forms[i].title;
        return true;
    }
    return false;
}

/* "the doctor said" is no title. */
static bool is_ordinary_doctor(const char *word, const char *before)
{
    static const char *const articles[] = {"a",   "the",   "my",   "your", "his", "her",
                                           "our", "their", "this", "that", NULL};
    g_autofree char *small = before ? g_ascii_strdown(before, -1) : NULL;
    return small && g_ascii_strcasecmp(word, "doctor") == 0 && g_strv_contains(articles, small);
}

static char *known_forms(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    GString *out = g_string_new(NULL);
    bool title = false;
    for (guint i = 0; words[i]; i++) {
        bool after_title = title;
        title = false;
        if (i > 0)
            g_string_append_c(out, ' ');
        if (!is_ordinary_doctor(words[i], i > 0 ? words[i - 1] : NULL) && append_form(out, words[i], &title))
            continue;
        if (after_title)
            append_capitalised(out, words[i]);
        else
            g_string_append(out, words[i]);
    }
    return g_string_free(out, FALSE);
}

char *apertium_source_prepare(const char *text, const char *language)
{
    g_autofree char *known = strcmp(language, "en") == 0 ? known_forms(text) : g_strdup(text);
    g_autofree char *lowered = apertium_case_lower_starts(known, language);
    return text_restore_names(lowered, language);
}

static bool begins_with_capital(const char *text)
{
    while (*text != '\0' && !g_unichar_isalnum(g_utf8_get_char(text)))
        text = g_utf8_next_char(text);
    return g_unichar_isupper(g_utf8_get_char(text));
}

char *apertium_source_finish(const char *answer, const char *sent, const struct protection *hidden,
                             const char *text, const char *source_language, const char *target_language)
{
    g_autofree char *cased = apertium_case_restore(answer, sent, target_language);
    bool english = strcmp(target_language, "en") == 0;
    g_autofree char *named = english ? text_restore_names(cased, "en") : g_steal_pointer(&cased);
    g_autofree char *restored = protect_restore(hidden, named);
    if (!restored)
        return NULL;
    g_autofree char *raised =
        begins_with_capital(text) ? apertium_case_raise_starts(restored) : g_steal_pointer(&restored);
    g_autofree char *numbered = text_numbers_localise(raised, source_language, target_language);
    return text_open_questions(numbered, target_language);
}
