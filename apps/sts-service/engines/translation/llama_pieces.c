/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_pieces.h"

#include "../../text/guard.h"
#include <string.h>

/* "Mr.", "U.S.", "No.": a short word with a capital and a full stop ends no sentence. */
#define ABBREVIATION_LETTERS 3

/* All kinds of blanks are spaces. */
static char *one_line(const char *text)
{
    GString *line = g_string_new(NULL);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        if (g_unichar_isspace(letter) || g_unichar_iscntrl(letter))
            g_string_append_c(line, ' ');
        else
            g_string_append_unichar(line, letter);
    }
    return g_strstrip(g_string_free(line, FALSE));
}

static bool is_abbreviation(const char *start, const char *stop)
{
    const char *word = stop;
    int letters = 0;
    while (word > start && word[-1] != ' ' && letters <= ABBREVIATION_LETTERS) {
        word = g_utf8_find_prev_char(start, word);
        letters++;
    }
    return *stop == '.' && letters <= ABBREVIATION_LETTERS && g_unichar_isupper(g_utf8_get_char(word));
}

/* Behind its marks; the end of the text where there is no other. */
static const char *sentence_end(const char *text)
{
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        const char *behind = g_utf8_next_char(at);
        if (letter == 0x3002 || letter == 0xff01 || letter == 0xff1f)
            return behind;
        if (strchr(".!?", *at) && *behind == ' ' && !is_abbreviation(text, at))
            return behind;
    }
    return text + strlen(text);
}

/* How much of a sentence that is too long goes into one piece. */
static size_t cut_of(const char *sentence, size_t length, size_t max_bytes)
{
    if (length <= max_bytes)
        return length;
    for (size_t at = max_bytes; at > max_bytes / 2; at--)
        if (sentence[at] == ' ')
            return at;
    size_t cut = max_bytes;
    while (cut > 0 && (sentence[cut] & 0xc0) == 0x80)
        cut--;
    return cut;
}

/* Marks alone are no piece: they go with the one before, or where they find no room, nowhere. */
static void add_part(GPtrArray *pieces, const char *part, size_t length, size_t max_bytes, bool alone)
{
    g_autofree char *text = g_strstrip(g_strndup(part, length));
    char *last = pieces->len > 0 ? pieces->pdata[pieces->len - 1] : NULL;
    bool words = guard_has_letters(text);
    bool fits = last && strlen(last) + 1 + strlen(text) <= max_bytes;
    if (*text != '\0' && fits && (!alone || !words)) {
        pieces->pdata[pieces->len - 1] = g_strconcat(last, " ", text, NULL);
        g_free(last);
    } else if (words) {
        g_ptr_array_add(pieces, g_steal_pointer(&text));
    }
}

GStrv llama_pieces(const char *text, size_t max_bytes, bool one_sentence)
{
    g_autofree char *line = one_line(text);
    GPtrArray *pieces = g_ptr_array_new();
    for (const char *at = line; *at; at += strspn(at, " ")) {
        size_t length = cut_of(at, (size_t)(sentence_end(at) - at), max_bytes);
        add_part(pieces, at, length, max_bytes, one_sentence);
        at += length;
    }
    g_ptr_array_add(pieces, NULL);
    return (GStrv)g_ptr_array_free(pieces, FALSE);
}

char *llama_pieces_join(char *const *translations)
{
    GString *whole = g_string_new(NULL);
    for (; *translations; translations++) {
        const char *end = whole->len > 0 ? g_utf8_find_prev_char(whole->str, whole->str + whole->len) : NULL;
        if (end && !g_unichar_iswide(g_utf8_get_char(end)))
            g_string_append_c(whole, ' ');
        g_string_append(whole, *translations);
    }
    return g_string_free(whole, FALSE);
}
