/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engines.h"

#include <dubbing_log.h>
#include <string.h>

/* What is wrong with one of the parts; the others are opened nevertheless, so that all is said at once. */
struct faults {
    GPtrArray *messages;
    enum dub_error_code code; /* INVALID_CONFIG where one of them is */
};

static void note_fault(struct faults *faults, const struct dub_error *error)
{
    g_ptr_array_add(faults->messages, g_strdup(error->message));
    if (faults->code == DUB_ERROR_NONE || error->code == DUB_ERROR_INVALID_CONFIG)
        faults->code = error->code;
}

static bool load_voices(struct engines *engines, const struct sts_settings *settings, struct dub_error *error)
{
    const char *path = sts_voices_path(settings);
    if (path)
        engines->voices = voices_load(path, error);
    return !path || engines->voices;
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

/* On any of the stages' threads. */
static void count_call(enum dub_stage stage, const char *engine, const char *result, void *user)
{
    struct engines *engines = user;
    struct sts_metrics *metrics = g_atomic_pointer_get(&engines->metrics);
    if (metrics)
        sts_metrics_chain(metrics, dub_stage_name(stage), engine, result);
}

static struct engine_config config_for(struct engines *engines, const struct sts_settings *settings,
                                       const char *model, int64_t workers)
{
    return (struct engine_config){
        .model = model,
        .model_cache_dir = settings->model_cache_dir,
        .device = sts_device_name(settings->device),
        .providers = &settings->providers,
        .observe = count_call,
        .observer = engines,
        .workers = (int)(workers > 0 ? workers : MAX(g_get_num_processors(), 2)),
    };
}

static bool open_asr(struct engines *engines, const struct sts_settings *settings, struct dub_error *error)
{
    struct engine_config config = config_for(engines, settings, settings->asr_model, settings->asr_workers);
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
        config_for(engines, settings, settings->translation_model, settings->translation_workers);
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
    struct engine_config config = config_for(engines, settings, settings->tts_model, settings->tts_workers);
    config.voices = engines->voices;
    engines->tts = tts_open(settings->tts_engine, &config, error);
    if (!engines->tts)
        return false;
    tts_describe(engines->tts, &engines->tts_info);
    engines->tts_workers = threads_for(settings->tts_workers, tts_max_concurrency(engines->tts));
    return true;
}

static bool on_gpu(const struct engine_info *info)
{
    return g_strcmp0(info->device, "cuda") == 0;
}

/* "auto" falls back to the CPU and says so. */
static bool check_device(struct engines *engines, const struct sts_settings *settings,
                         struct dub_error *error)
{
    const char *device = sts_device_name(settings->device);
    bool used =
        on_gpu(&engines->asr_info) || on_gpu(&engines->translation_info) || on_gpu(&engines->tts_info);
    if (used || strcmp(device, "cpu") == 0)
        return true;
    if (strcmp(device, "auto") == 0) {
        dub_log_info("STS_DEVICE=auto: the engines run on the CPU, none of %s, %s and %s uses a GPU",
                     engines->asr_info.name, engines->translation_info.name, engines->tts_info.name);
        return true;
    }
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                         "STS_DEVICE is \"%s\": none of %s, %s and %s can use a GPU: set auto or cpu", device,
                         engines->asr_info.name, engines->translation_info.name, engines->tts_info.name);
}

static bool report(const struct faults *faults, struct dub_error *error)
{
    g_autofree char *all = NULL;
    g_ptr_array_add(faults->messages, NULL);
    char **messages = (char **)faults->messages->pdata;
    for (char **message = messages; messages[1] && *message; message++)
        dub_log_error("%s", *message);
    all = g_strjoinv("; ", messages);
    return dub_error_set(error, faults->code, "%s", all);
}

bool engines_open(struct engines *engines, const struct sts_settings *settings, struct dub_error *error)
{
    typedef bool step(struct engines *, const struct sts_settings *, struct dub_error *);
    static step *const steps[] = {load_voices, load_glossary, open_asr, open_translation, open_tts};
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    struct faults faults = {.messages = messages};
    struct dub_error fault;
    *engines = (struct engines){.speak_source = settings->translation_fallback == STS_FALLBACK_SOURCE};
    for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
        if (!steps[i](engines, settings, &fault))
            note_fault(&faults, &fault);
    if (messages->len == 0 && !check_device(engines, settings, &fault))
        note_fault(&faults, &fault);
    if (messages->len > 0)
        return report(&faults, error);
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
    bool unknown = engine_language_matches(source, ENGINE_LANGUAGE_UNKNOWN);
    if (unknown && !asr_supports(engines->asr, source))
        return dub_error_set(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR,
                             "source_language: %s asks for the language to be found out, which %s cannot: "
                             "name the language",
                             source, engines->asr_info.name);
    if (!asr_supports(engines->asr, source)) {
        g_autofree char *known = g_strjoinv(", ", engines->asr_info.languages);
        return dub_error_set(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR,
                             "source_language: %s cannot be recognised by %s; supported: %s", source,
                             engines->asr_info.name, known);
    }
    /* What is then heard is each fragment's to be refused. */
    if (!unknown && !translation_check_pair(engines->translation, source, target, error))
        return false;
    if (tts_supports(engines->tts, target))
        return true;
    g_autofree char *known = g_strjoinv(", ", engines->tts_info.languages);
    return dub_error_set(error, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR,
                         "target_language: %s cannot be spoken by %s; supported: %s", target,
                         engines->tts_info.name, known);
}

/* The engine's profiles that speak the language, "default" first. */
static GStrv profiles_for(const struct engines *engines, const char *language)
{
    g_autoptr(GStrvBuilder) profiles = g_strv_builder_new();
    g_autofree char *base = engine_language_base(language);
    g_strv_builder_add(profiles, "default");
    for (char **name = engines->tts_info.voices; engines->voices && name && *name; name++) {
        const struct voice *voice = voices_by_name(engines->voices, *name);
        if (voice && g_strcmp0(voice->language, base) == 0)
            g_strv_builder_add(profiles, *name);
    }
    return g_strv_builder_end(profiles);
}

bool engines_check_voice(const struct engines *engines, const char *profile, const char *language,
                         struct dub_error *error)
{
    g_auto(GStrv) known = profiles_for(engines, language);
    if (!profile || !*profile || g_strv_contains((const char *const *)known, profile))
        return true;
    g_autofree char *names = g_strjoinv(", ", known);
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                         "config.voice_profile: %s has no voice \"%s\" for %s; allowed: %s",
                         engines->tts_info.name, profile, language, names);
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
    json_object_set_string_member(object, "device", info->device ? info->device : "cpu");
    set_strings(object, "languages", info->languages);
    if (info->voices)
        set_strings(object, "voices", info->voices);
    return object;
}

static const struct engine_info *info_if_active(const struct engine_info *info, const char *name)
{
    for (guint i = 0; info->links && i < info->links->len; i++) {
        const struct engine_info *link = &g_array_index(info->links, struct engine_info, i);
        if (g_strcmp0(link->name, name) == 0)
            return link;
    }
    return g_strcmp0(info->name, name) == 0 ? info : NULL;
}

static void set_stage(JsonObject *stages, const char *name, const struct engine_ops *const *engines,
                      const struct engine_info *info)
{
    JsonArray *list = json_array_new();
    for (const struct engine_ops *const *ops = engines; *ops; ops++)
        json_array_add_object_element(
            list, describe_engine((*ops)->name, (*ops)->summary, info_if_active(info, (*ops)->name)));
    json_object_set_array_member(stages, name, list);
}

JsonObject *engines_describe(const struct engines *engines)
{
    JsonObject *stages = json_object_new();
    set_stage(stages, "asr", asr_engines, &engines->asr_info);
    set_stage(stages, "translation", translation_engines, &engines->translation_info);
    set_stage(stages, "tts", tts_engines, &engines->tts_info);

    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "mode", "full");
    json_object_set_object_member(object, "stages", stages);
    return object;
}

static void note_model(struct sts_metrics *metrics, const char *stage, const char *engine, const char *model)
{
    const char *const labels[] = {stage, engine, model};
    dub_metric_set(metrics->engine_info, 1, labels);
}

static void note_one(struct sts_metrics *metrics, const char *stage, const struct engine_info *info)
{
    if (!info->models)
        note_model(metrics, stage, info->name, info->model);
    for (char **model = info->models; model && *model; model++)
        note_model(metrics, stage, info->name, *model);
}

/* One series per model that is loaded. */
static void note(struct sts_metrics *metrics, const char *stage, const struct engine_info *info)
{
    if (!info->links)
        note_one(metrics, stage, info);
    for (guint i = 0; info->links && i < info->links->len; i++)
        note_one(metrics, stage, &g_array_index(info->links, struct engine_info, i));
}

void engines_note(struct engines *engines, struct sts_metrics *metrics)
{
    note(metrics, "asr", &engines->asr_info);
    note(metrics, "translation", &engines->translation_info);
    note(metrics, "tts", &engines->tts_info);
    g_atomic_pointer_set(&engines->metrics, metrics);
}
