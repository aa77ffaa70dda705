/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A glossary file, or what a stream brings, and then a text in which its terms are looked for. The input:
 *
 *     {...} LF text                 the JSON of a file, up to the last line
 *     !keep TAB from=to TAB ... LF text    a stream's: terms that are kept, and those with "=" that are
 * replaced
 *
 * What is found lies in the text, in order, and is UTF-8. */
#include "glossary.h"

#include "protect.h"
#include <fuzz_target.h>
#include <stdlib.h>
#include <string.h>

static struct glossary *of_file(const char *text)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct glossary *glossary = glossary_parse(text, strlen(text), problems);
    if ((glossary == NULL) != (problems->len > 0))
        abort();
    for (guint i = 0; i < problems->len; i++)
        if (!g_utf8_validate(problems->pdata[i], -1, NULL))
            abort();
    if (glossary && glossary_size(glossary) > GLOSSARY_MAX_TERMS)
        abort();
    return glossary;
}

static struct glossary *of_stream(const char *text)
{
    struct dub_error error = {0};
    g_auto(GStrv) items = g_strsplit(text, "\t", 512);
    g_autoptr(GStrvBuilder) keep = g_strv_builder_new();
    g_autoptr(GStrvBuilder) replace = g_strv_builder_new();
    for (char **item = items; *item; item++) {
        char *to = strchr(*item, '=');
        if (to)
            *to = '\0';
        g_strv_builder_add(to ? replace : keep, *item);
        if (to)
            g_strv_builder_add(replace, to + 1);
    }
    g_auto(GStrv) kept = g_strv_builder_end(keep);
    g_auto(GStrv) replaced = g_strv_builder_end(replace);
    struct glossary *glossary = glossary_for_stream(kept, replaced, &error);
    if (!glossary && error.code != DUB_ERROR_INVALID_CONFIG)
        abort();
    return glossary;
}

static void check_spans(const GArray *spans, size_t length)
{
    gsize end = 0;
    if (spans->len > PROTECT_MAX_SPANS)
        abort();
    for (guint i = 0; i < spans->len; i++) {
        const struct protect_span *span = &g_array_index(spans, struct protect_span, i);
        if (span->at < end || span->length == 0 || span->at + span->length > length ||
            !g_utf8_validate(span->value, -1, NULL))
            abort();
        end = span->at + span->length;
    }
}

static void look_for_terms(const struct glossary *glossary, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *composed = g_utf8_normalize(valid, -1, G_NORMALIZE_NFC);
    g_autoptr(GArray) spans = glossary_find(glossary, NULL, "en", "es", composed);
    check_spans(spans, strlen(composed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *input = g_strndup((const char *)data, size);
    char *text = strrchr(input, '\n');
    if (text)
        *text++ = '\0';
    struct glossary *glossary = *input == '!' ? of_stream(input + 1) : of_file(input);
    if (glossary && text)
        look_for_terms(glossary, text);
    glossary_free(glossary);
    return 0;
}
