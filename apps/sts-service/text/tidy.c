/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tidy.h"

#include "language.h"
#include "prepare.h"
#include <string.h>

/* The punctuation that stands close behind its word in every language that we know. */
static bool closes(gunichar c)
{
    return strchr(",.;:!?)", (int)c) && c != 0 && c < 0x80;
}

static bool opens(gunichar c)
{
    return c == '(' || c == 0xbf || c == 0xa1; /* inverted ? and ! */
}

char *text_valid_utf8(const char *text)
{
    GString *out = g_string_new(NULL);
    const char *at = text;
    while (*at != '\0') {
        gunichar c = g_utf8_get_char_validated(at, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            at++;
            continue;
        }
        if (g_unichar_isspace(c) || g_unichar_iscntrl(c))
            g_string_append_c(out, ' ');
        else
            g_string_append_unichar(out, c);
        at = g_utf8_next_char(at);
    }
    return g_string_free(out, FALSE);
}

char *text_tidy(const char *text)
{
    g_autofree char *valid = text_valid_utf8(text);
    GString *out = g_string_new(NULL);
    gunichar last = 0;
    bool space = false;
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == ' ') {
            space = true;
            continue;
        }
        if (space && out->len > 0 && !closes(c) && !opens(last))
            g_string_append_c(out, ' ');
        g_string_append_unichar(out, c);
        last = c;
        space = false;
    }
    return g_string_free(out, FALSE);
}

/* Where the sentence that begins at `at` ends, behind its marks. */
static const char *end_of_sentence(const char *at)
{
    while (*at != '\0') {
        gsize marks = strspn(at, ".!?");
        at += marks;
        if (marks > 0 && (*at == ' ' || *at == '\0'))
            return at;
        if (marks == 0)
            at++;
    }
    return at;
}

static const char *opening_of(const char *start, const char *end)
{
    static const char *const openings[2] = {"\xc2\xbf", "\xc2\xa1"};
    if (end == start || (end[-1] != '?' && end[-1] != '!'))
        return "";
    const char *opening = openings[end[-1] == '!'];
    return g_strstr_len(start, end - start, opening) ? "" : opening;
}

char *text_open_questions(const char *text, const char *language)
{
    if (!text_is_language(language, "es"))
        return g_strdup(text);
    GString *out = g_string_new(NULL);
    const char *at = text;
    while (*at != '\0') {
        const char *start = at + strspn(at, " ");
        const char *end = end_of_sentence(start);
        g_string_append_len(out, at, start - at);
        g_string_append(out, opening_of(start, end));
        g_string_append_len(out, start, end - start);
        at = end;
    }
    return g_string_free(out, FALSE);
}
