/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_text.h"

#include <stdbool.h>
#include <string.h>

#define RESERVED "^$/<>{}\\[]@*#~"

static bool ends_with_punctuation(const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && g_ascii_isspace(text[length - 1]))
        length--;
    return length > 0 && strchr(".!?;:,", text[length - 1]);
}

/* Typographic apostrophes keep "it’s" from being found in the dictionary. */
static char *plain_apostrophes(const char *text)
{
    GString *plain = g_string_new(text);
    g_string_replace(plain, "\xe2\x80\x99", "'", 0);
    g_string_replace(plain, "\xe2\x80\x98", "'", 0);
    return g_string_free(plain, FALSE);
}

char *apertium_text_to_stream(const char *text)
{
    g_autofree char *plain = g_strchomp(plain_apostrophes(text));
    GString *out = g_string_new(NULL);
    for (const char *at = plain; *at != '\0'; at++) {
        if (strchr(RESERVED, *at))
            g_string_append_c(out, '\\');
        g_string_append_c(out, *at == '\n' || *at == '\r' ? ' ' : *at);
    }
    if (!ends_with_punctuation(plain))
        g_string_append_c(out, '.');
    /* lt-proc keeps the last character to itself until one follows. */
    g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}

/* Of unknown words, of words without a translation, of forms that cannot be generated, and of the
 * post-generator. */
static bool is_mark(char c)
{
    return c == '*' || c == '@' || c == '#' || c == '~';
}

/* Names of the rules' own that come out where no form could be generated: "#prpers". Nobody says them. */
static const char *const internal_words[] = {"#prpers", "#prnpers", "@prpers", "#cnjcoo"};

static size_t internal_word_at(const char *at)
{
    for (size_t i = 0; i < G_N_ELEMENTS(internal_words); i++)
        if (g_str_has_prefix(at, internal_words[i]))
            return strlen(internal_words[i]);
    return 0;
}

/* Between the brackets of the stream stands formatting, of which we send none. */
static const char *skip_blank(const char *at)
{
    const char *end = strchr(at, ']');
    return end ? end : at + strlen(at) - 1;
}

char *apertium_text_from_stream(const char *stream, const char *source)
{
    GString *out = g_string_new(NULL);
    for (const char *at = stream; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0')
            g_string_append_c(out, *++at);
        else if (*at == '[')
            at = skip_blank(at);
        else if (internal_word_at(at) > 0)
            at += internal_word_at(at) - 1;
        else if (!is_mark(*at))
            g_string_append_c(out, *at);
    }
    g_strchomp(out->str);
    out->len = strlen(out->str);
    if (!ends_with_punctuation(source) && g_str_has_suffix(out->str, "."))
        g_string_truncate(out, out->len - 1);
    return g_string_free(out, FALSE);
}

/* The next "*word" from at on; *length is the word's. NULL: no more. */
static const char *next_unknown(const char *at, size_t *length)
{
    for (; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
            continue;
        }
        if (*at != '*')
            continue;
        const char *word = at + 1;
        *length = strcspn(word, " ,.;:!?\\[]*");
        if (*length > 0)
            return word;
    }
    return NULL;
}

guint apertium_text_count_unknown(const char *stream)
{
    guint count = 0;
    size_t length = 0;
    for (const char *at = next_unknown(stream, &length); at; at = next_unknown(at + length, &length))
        count++;
    return count;
}

static bool is_word_at(const char *text, const char *at, size_t length)
{
    bool starts = at == text || !g_ascii_isalnum(at[-1]);
    return starts && !g_ascii_isalnum(at[length]);
}

/* Capitalises every occurrence of the word in text. */
static bool capitalise_word(char *text, const char *word, size_t length)
{
    bool changed = false;
    g_autofree char *wanted = g_strndup(word, length);
    if (!g_ascii_islower(wanted[0]))
        return false;
    for (char *at = strstr(text, wanted); at; at = strstr(at + length, wanted)) {
        if (!is_word_at(text, at, length))
            continue;
        *at = g_ascii_toupper(*at);
        changed = true;
    }
    return changed;
}

/* "new *york": the dictionary has the two together. */
static void capitalise_beginnings(char *text)
{
    static const char *const beginnings[] = {"new", "san", "los", "saint"};
    for (size_t i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        size_t length = strlen(beginnings[i]);
        for (char *at = strstr(text, beginnings[i]); at; at = strstr(at + length, beginnings[i])) {
            if (is_word_at(text, at, length) && at[length] == ' ' && g_ascii_isupper(at[length + 1]))
                *at = g_ascii_toupper(*at);
        }
    }
}

char *apertium_text_capitalise_unknown(const char *stream, const char *source)
{
    g_autofree char *text = g_strdup(source);
    bool changed = false;
    size_t length = 0;
    for (const char *at = next_unknown(stream, &length); at; at = next_unknown(at + length, &length))
        changed |= capitalise_word(text, at, length);
    if (changed)
        capitalise_beginnings(text);
    return changed ? g_steal_pointer(&text) : NULL;
}
