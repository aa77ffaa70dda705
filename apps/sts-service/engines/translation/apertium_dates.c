/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_dates.h"

#include "apertium_dates_rules.h"
#include <stddef.h>
#include <string.h>

static const struct {
    const char *source;
    const char *target;
    const struct date_kind *kinds;
} directions[] = {
    {"en", "es", date_kinds_english_spanish},
    {"es", "en", date_kinds_spanish_english},
};
static const struct {
    const char *name;
    size_t offset;
} groups[] = {
    {"prep", offsetof(struct date_parts, prep)},
    {"article", offsetof(struct date_parts, article)},
    {"weekday", offsetof(struct date_parts, weekday)},
    {"day", offsetof(struct date_parts, day)},
    {"month", offsetof(struct date_parts, month)},
    {"year", offsetof(struct date_parts, year)},
    {"relation", offsetof(struct date_parts, relation)},
    {"hour", offsetof(struct date_parts, hour)},
    {"minutes", offsetof(struct date_parts, minutes)},
    {"direction", offsetof(struct date_parts, direction)},
    {"part", offsetof(struct date_parts, part)},
};

const char *date_translate(const char *const *pairs, const char *word)
{
    for (; *word != '\0' && *pairs; pairs += 2)
        if (strcmp(pairs[0], word) == 0)
            return pairs[1];
    return NULL;
}

int date_index_of(const char *const *list, const char *word)
{
    for (int i = 0; list[i]; i++)
        if (strcmp(list[i], word) == 0)
            return i;
    return -1;
}

/* Groups that the pattern does not have, or that took no part, are "". */
static char *group(const GMatchInfo *match, const char *name)
{
    char *text = g_match_info_fetch_named(match, name);
    if (!text)
        return g_strdup("");
    return text;
}

static char *speak(const GMatchInfo *match, const struct date_kind *kind)
{
    struct date_parts parts;
    GString *out = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++)
        G_STRUCT_MEMBER(char *, &parts, groups[i].offset) = group(match, groups[i].name);
    bool spoken = kind->speak(&parts, out);
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++)
        g_free(G_STRUCT_MEMBER(char *, &parts, groups[i].offset));
    return g_string_free(out, !spoken);
}

static void find_kind(const char *text, const struct date_kind *kind, GArray *spans, GStringChunk *values)
{
    g_autofree char *pattern = g_strdup_printf("(?<![\\w'.,:-])(?:%s)(?![\\w'-]|[.,:]\\d)", kind->pattern);
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_regex_match(regex, text, 0, &match);
    for (; g_match_info_matches(match) && spans->len < PROTECT_MAX_SPANS; g_match_info_next(match, NULL)) {
        int from = 0;
        int to = 0;
        g_match_info_fetch_pos(match, 0, &from, &to);
        g_autofree char *value =
            protect_is_taken(spans, (gsize)from, (gsize)(to - from)) ? NULL : speak(match, kind);
        if (!value)
            continue;
        struct protect_span span = {.at = (gsize)from, .length = (gsize)(to - from)};
        span.value = g_string_chunk_insert(values, value);
        g_array_append_val(spans, span);
    }
}

void apertium_dates_find(const char *text, const char *source, const char *target, GArray *spans,
                         GStringChunk *values)
{
    if (!g_utf8_validate(text, -1, NULL))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(directions); i++) {
        if (strcmp(source, directions[i].source) != 0 || strcmp(target, directions[i].target) != 0)
            continue;
        for (const struct date_kind *kind = directions[i].kinds; kind->pattern; kind++)
            find_kind(text, kind, spans, values);
    }
}
