/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engines.h"

#include <dubbing_log.h>

/* The default path need not exist: the built-in voices then serve. A path that somebody wrote must. */
static bool load_voices(struct engines *engines, const struct sts_settings *settings, struct dub_error *error)
{
    const char *path = settings->voices_file;
    bool is_default = g_strcmp0(path, STS_VOICES_FILE_DEFAULT) == 0;
    if (!path || !*path || (is_default && !g_file_test(path, G_FILE_TEST_EXISTS)))
        return true;
    engines->voices = voices_load(path, error);
    if (engines->voices)
        return true;
    error->code = DUB_ERROR_INVALID_CONFIG;
    return false;
}

static bool load_glossary(struct engines *engines, const struct sts_settings *settings,
                          struct dub_error *error)
{
    if (!settings->glossary_file || !*settings->glossary_file)
        return true;
    engines->glossary = glossary_load(settings->glossary_file, error);
    if (engines->glossary)
        dub_log_info("glossary %s: %u terms", settings->glossary_file, glossary_size(engines->glossary));
    return engines->glossary != NULL;
}

/* By cores, but two at least: with one, a stream whose fragments take long would hold up all others. */
static unsigned threads_for(int64_t wanted, int engine_max)
{
    int64_t threads = wanted > 0 ? wanted : MAX(g_get_num_processors(), 2);
    return (unsigned)CLAMP(threads, 1, MAX(engine_max, 1));
}

static struct engine_config config_for(const struct sts_settings *settings, const char *model,
                                       int64_t workers)
{
    return (struct engine_config){
        .model = model,
        .model_cache_dir = settings->model_cache_dir,
        .device = sts_device_name(settings->device),
        .workers = (int)(workers > 0 ? workers : MAX(g_get_num_processors(), 2)),
    };
}

static bool open_asr(struct engines *engines, const struct sts_settings *settings, struct dub_error *error)
{
    struct engine_config config = config_for(settings, settings->asr_model, settings->asr_workers);
    engines->asr = asr_open(settings->asr_engine, &config, error);
    if (!engines->asr)
        return false;
    asr_describe(engines->asr, &engines->asr_info);
    engines->asr_workers = threads_for(settings->asr_workers, asr_max_concurrency(engines->asr));
    return true;
}

static bool open_translation(struct engines *engines, const struct sts_settings *settings,
                             struct dub_error *error)
{
    struct engine_config config =
        config_for(settings, settings->translation_model, settings->translation_workers);
    config.glossary = engines->glossary;
    engines->translation = translation_open(settings->translation_engine, &config, error);
    if (!engines->translation)
        return false;
    translation_describe(engines->translation, &engines->translation_info);
    engines->translation_workers =
        threads_for(settings->translation_workers, translation_max_concurrency(engines->translation));
    return true;
}

static bool open_tts(struct engines *engines, const struct sts_settings *settings, struct dub_error *error)
{
    struct engine_config config = config_for(settings, settings->tts_model, settings->tts_workers);
    config.voices = engines->voices;
    engines->tts = tts_open(settings->tts_engine, &config, error);
    if (!engines->tts)
        return false;
    tts_describe(engines->tts, &engines->tts_info);
    engines->tts_workers = threads_for(settings->tts_workers, tts_max_concurrency(engines->tts));
    return true;
}

bool engines_open(struct engines *engines, const struct sts_settings *settings, struct dub_error *error)
{
    *engines = (struct engines){.speak_source = settings->translation_fallback == STS_FALLBACK_SOURCE};
    if (!load_voices(engines, settings, error) || !load_glossary(engines, settings, error) ||
        !open_asr(engines, settings, error) || !open_translation(engines, settings, error) ||
        !open_tts(engines, settings, error))
        return false;
    dub_log_info("engines: asr %s (%s), translation %s (%s), tts %s (%s)", engines->asr_info.name,
                 engines->asr_info.model, engines->translation_info.name, engines->translation_info.model,
                 engines->tts_info.name, engines->tts_info.model);
    return true;
}

void engines_close(struct engines *engines)
{
    engine_info_clear(&engines->asr_info);
    engine_info_clear(&engines->translation_info);
    engine_info_clear(&engines->tts_info);
    if (engines->asr)
        asr_close(engines->asr);
    if (engines->translation)
        translation_close(engines->translation);
    if (engines->tts)
        tts_close(engines->tts);
    voices_free(engines->voices);
    glossary_free(engines->glossary);
    *engines = (struct engines){0};
}

bool engines_check_languages(const struct engines *engines, const char *source, const char *target,
                             struct dub_error *error)
{
    if (!asr_supports(engines->asr, source)) {
        g_autofree char *known = g_strjoinv(", ", engines->asr_info.languages);
        return dub_error_set(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR,
                             "source_language: %s cannot be recognised by %s; supported: %s", source,
                             engines->asr_info.name, known);
    }
    if (!translation_check_pair(engines->translation, source, target, error))
        return false;
    if (tts_supports(engines->tts, target))
        return true;
    g_autofree char *known = g_strjoinv(", ", engines->tts_info.languages);
    return dub_error_set(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR,
                         "target_language: %s cannot be spoken by %s; supported: %s", target,
                         engines->tts_info.name, known);
}

static void set_strings(JsonObject *object, const char *name, GStrv values)
{
    JsonArray *array = json_array_new();
    for (GStrv value = values; value && *value; value++)
        json_array_add_string_element(array, *value);
    json_object_set_array_member(object, name, array);
}

/* An engine that is compiled in; info for the one in use. */
static JsonObject *describe_engine(const char *name, const char *summary, const struct engine_info *info)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", name);
    json_object_set_string_member(object, "summary", summary);
    json_object_set_string_member(object, "state", info ? "active" : "not_loaded");
    if (!info)
        return object;
    json_object_set_string_member(object, "model", info->model);
    set_strings(object, "languages", info->languages);
    if (info->voices)
        set_strings(object, "voices", info->voices);
    return object;
}

static const struct engine_info *info_if_active(const struct engine_info *info, const char *name)
{
    return g_strcmp0(info->name, name) == 0 ? info : NULL;
}

/* The three tables differ only in type, so the loop is written once. */
#define DESCRIBE_STAGE(table, info)                                                                          \
    ({                                                                                                       \
        JsonArray *list = json_array_new();                                                                  \
        for (unsigned i = 0; (table)[i]; i++)                                                                \
            json_array_add_object_element(list, describe_engine((table)[i]->name, (table)[i]->summary,       \
                                                                info_if_active(info, (table)[i]->name)));    \
        list;                                                                                                \
    })

JsonObject *engines_describe(const struct engines *engines)
{
    JsonObject *stages = json_object_new();
    json_object_set_array_member(stages, "asr", DESCRIBE_STAGE(asr_engines, &engines->asr_info));
    json_object_set_array_member(stages, "translation",
                                 DESCRIBE_STAGE(translation_engines, &engines->translation_info));
    json_object_set_array_member(stages, "tts", DESCRIBE_STAGE(tts_engines, &engines->tts_info));

    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "mode", "full");
    json_object_set_object_member(object, "stages", stages);
    return object;
}

static void note(struct sts_metrics *metrics, const char *stage, const struct engine_info *info)
{
    const char *const labels[] = {stage, info->name, info->model};
    dub_metric_set(metrics->engine_info, 1, labels);
}

void engines_note(const struct engines *engines, struct sts_metrics *metrics)
{
    note(metrics, "asr", &engines->asr_info);
    note(metrics, "translation", &engines->translation_info);
    note(metrics, "tts", &engines->tts_info);
}
