/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two engines without a translator: `identity` returns the source text and is also of use where only the
 * voice is to be replaced; `mock` returns what it was told to (mock_spec.h): a fixed text, a text per
 * fragment from a folder, sentences and words from a dictionary, or the source marked with the pair ("[en-es]
 * good evening"). */
#include "../mock_spec.h"
#include "engines.h"
#include <string.h>

#define KEYS (MOCK_TEXT | MOCK_DICT | MOCK_FIXTURE)

struct translation_engine {
    struct mock_spec spec;
};

static void *create_identity(const struct engine_config *config, struct dub_error *error)
{
    if (!engine_takes_no_model(config, DUB_STAGE_TRANSLATION, translation_identity.base.name, "", error))
        return NULL;
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    engine->spec.model = g_strdup("none");
    return engine;
}

/* Dictionaries are looked up in small letters. */
static void fold_dict(struct mock_spec *spec)
{
    GHashTable *folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter iter;
    void *from;
    void *to;
    g_hash_table_iter_init(&iter, spec->dict);
    while (g_hash_table_iter_next(&iter, &from, &to))
        g_hash_table_replace(folded, g_utf8_strdown(from, -1), g_strdup(to));
    g_hash_table_unref(spec->dict);
    spec->dict = folded;
}

static void *create_mock(const struct engine_config *config, struct dub_error *error)
{
    struct translation_engine *engine = g_new0(struct translation_engine, 1);
    if (!mock_spec_read(&engine->spec, config, DUB_STAGE_TRANSLATION, KEYS, error)) {
        g_free(engine);
        return NULL;
    }
    if (engine->spec.dict)
        fold_dict(&engine->spec);
    return engine;
}

static void destroy(void *data)
{
    struct translation_engine *engine = data;
    mock_spec_clear(&engine->spec);
    g_free(engine);
}

static void describe(const void *data, struct engine_info *info)
{
    const struct translation_engine *engine = data;
    static const char *const any[] = {"*-*", NULL};
    info->model = g_strdup(engine->spec.model);
    info->languages = g_strdupv((char **)any);
}

static bool supports(const struct translation_engine *engine, const char *source, const char *target)
{
    return true;
}

static bool translate_identity(struct translation_engine *engine, const struct translation_request *request,
                               struct translation_result *result, struct dub_error *error)
{
    result->text = g_strdup(request->text);
    return true;
}

/* Appends what the dictionary has for a word; its punctuation stays, and so does a word that is not there. */
static void append_word(GString *out, GHashTable *dict, const char *word)
{
    g_autofree char *bare = g_strndup(word, strcspn(word, ".,;:!?"));
    g_autofree char *small = g_utf8_strdown(bare, -1);
    const char *translated = g_hash_table_lookup(dict, small);
    g_string_append_printf(out, "%s%s", translated ? translated : bare, word + strlen(bare));
}

/* The whole text where it is an entry, else word by word. */
static char *from_dict(GHashTable *dict, const char *text)
{
    g_autofree char *small = g_utf8_strdown(text, -1);
    const char *whole = g_hash_table_lookup(dict, small);
    if (whole)
        return g_strdup(whole);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    GString *out = g_string_new(NULL);
    for (char **word = words; *word; word++) {
        if (word != words)
            g_string_append_c(out, ' ');
        append_word(out, dict, *word);
    }
    return g_string_free(out, FALSE);
}

static char *read_fixture(const struct translation_engine *engine, const struct engine_call *call)
{
    g_autofree char *path = mock_spec_fixture(&engine->spec, call, "txt");
    char *text = NULL;
    if (path)
        g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static bool translate_mock(struct translation_engine *engine, const struct translation_request *request,
                           struct translation_result *result, struct dub_error *error)
{
    const struct mock_spec *spec = &engine->spec;
    if (!mock_spec_play(&engine->spec, &request->call, DUB_STAGE_TRANSLATION, error))
        return false;
    if (spec->fixture)
        result->text = read_fixture(engine, &request->call);
    else if (spec->dict)
        result->text = from_dict(spec->dict, request->text);
    else if (spec->text)
        result->text = g_strdup(spec->text);
    if (!result->text)
        result->text =
            g_strdup_printf("[%s-%s] %s", request->source_language, request->target_language, request->text);
    return true;
}

const struct translation_engine_ops translation_identity = {
    .base =
        {
            .name = "identity",
            .summary = "no translation: the text stays as it is",
            .max_concurrency = 64,
            .automatic = false,
            .create = create_identity,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .translate = translate_identity,
};

const struct translation_engine_ops translation_mock = {
    .base =
        {
            .name = "mock",
            .summary = "for tests: answers what STS_TRANSLATION_MODEL says",
            .max_concurrency = 64,
            .automatic = false,
            .create = create_mock,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .translate = translate_mock,
};
