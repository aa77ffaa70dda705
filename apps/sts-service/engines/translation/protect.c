/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "protect.h"

#include <string.h>

#define LETTERS 26
#define PREFIX_LENGTH 6
#define WORD_LENGTH (PREFIX_LENGTH + 2)
/* More than fit into a text of 16 KiB, so that one is free whatever somebody has put into it. */
#define PREFIXES (LETTERS * LETTERS * LETTERS)

bool protect_is_taken(const GArray *spans, gsize at, gsize length)
{
    for (guint i = 0; i < spans->len; i++) {
        const struct protect_span *span = &g_array_index(spans, struct protect_span, i);
        if (at < span->at + span->length && span->at < at + length)
            return true;
    }
    return false;
}

static gint compare_places(gconstpointer first, gconstpointer second)
{
    gsize one = ((const struct protect_span *)first)->at;
    gsize other = ((const struct protect_span *)second)->at;
    return (one > other) - (one < other);
}

void protect_sort(GArray *spans)
{
    g_array_sort(spans, compare_places);
}

static void choose_prefix(char prefix[PREFIX_LENGTH + 1], const char *text)
{
    g_autofree char *small = g_ascii_strdown(text, -1);
    for (int i = 0; i < PREFIXES; i++) {
        g_snprintf(prefix, PREFIX_LENGTH + 1, "zqx%c%c%c", 'a' + i / LETTERS / LETTERS,
                   'a' + i / LETTERS % LETTERS, 'a' + i % LETTERS);
        if (!strstr(small, prefix))
            return;
    }
}

char *protect_text(struct protection *protection, const char *text, const GArray *spans)
{
    GString *out = g_string_new(NULL);
    gsize from = 0;
    choose_prefix(protection->prefix, text);
    protection->spans = spans;
    for (guint i = 0; i < spans->len; i++) {
        const struct protect_span *span = &g_array_index(spans, struct protect_span, i);
        g_string_append_len(out, text + from, (gssize)(span->at - from));
        g_string_append_printf(out, "Z%s%c%c", protection->prefix + 1, 'a' + (int)i / LETTERS,
                               'a' + (int)i % LETTERS);
        from = span->at + span->length;
    }
    g_string_append(out, text + from);
    return g_string_free(out, FALSE);
}

/* The index of the made-up word at `at`, whatever became of its case; -1: none. */
static int index_at(const struct protection *protection, const char *at)
{
    if (g_ascii_strncasecmp(at, protection->prefix, PREFIX_LENGTH) != 0)
        return -1;
    int high = g_ascii_tolower(at[PREFIX_LENGTH]) - 'a';
    if (high < 0 || high >= LETTERS)
        return -1;
    int low = g_ascii_tolower(at[PREFIX_LENGTH + 1]) - 'a';
    if (low < 0 || low >= LETTERS)
        return -1;
    int index = high * LETTERS + low;
    return index < (int)protection->spans->len ? index : -1;
}

/* Nothing but opening marks between the last sentence and here. */
static bool starts_sentence(const GString *out)
{
    const char *at = out->str + out->len;
    while (at > out->str) {
        at = g_utf8_prev_char(at);
        gunichar c = g_utf8_get_char(at);
        if (c == '.' || c == '!' || c == '?')
            return true;
        if (c != ' ' && c != 0xbf && c != 0xa1 && c != '"' && c != '(')
            return false;
    }
    return true;
}

static void append_value(GString *out, const struct protect_span *span)
{
    if (!span->raise || !starts_sentence(out)) {
        g_string_append(out, span->value);
        return;
    }
    g_string_append_unichar(out, g_unichar_toupper(g_utf8_get_char(span->value)));
    g_string_append(out, g_utf8_next_char(span->value));
}

char *protect_restore(const struct protection *protection, const char *answer)
{
    bool found[PROTECT_MAX_SPANS] = {false};
    GString *out = g_string_new(NULL);
    const char *at = answer;
    while (*at != '\0') {
        int index = index_at(protection, at);
        if (index < 0) {
            g_string_append_c(out, *at++);
            continue;
        }
        append_value(out, &g_array_index(protection->spans, struct protect_span, index));
        found[index] = true;
        at += WORD_LENGTH;
    }
    bool complete = true;
    for (guint i = 0; i < protection->spans->len; i++)
        complete = complete && found[i];
    return g_string_free(out, !complete);
}
