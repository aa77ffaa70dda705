/* SPDX-License-Identifier: GPL-3.0-or-later */
/* eSpeak NG: over 100 languages, about 100 times as fast as real time.
 *
 * The library is one per process, knows one voice at a time and is not safe against every text, so it lives
 * in helper processes (espeak_helper.c): one per call that is made at a time, kept warm for the next. One
 * that ends takes its phrase with it and nothing else. */
#include "engines.h"
#include "espeak_pool.h"
#include <dubbing_log.h>
#include <math.h>
#include <string.h>

#define DEFAULT_WORDS_PER_MINUTE 170
#define MIN_WORDS_PER_MINUTE 80
#define MAX_WORDS_PER_MINUTE 450

static const struct engine_call any_time = {0};

struct tts_engine {
    const struct voices *voices; /* may be NULL */
    char *version;
    GHashTable *languages; /* set of base codes */
    GHashTable *missing;   /* set of profiles, borrowed, whose voice is not installed */
    struct espeak_pool *pool;
};

static GHashTable *list_languages(const struct espeak_process *process)
{
    GHashTable *languages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const char *const *code = espeak_process_languages(process); *code; code++) {
        char *base = engine_language_base(*code);
        if (base)
            g_hash_table_add(languages, base);
    }
    return languages;
}

static char *voice_name(const struct voice *voice)
{
    return voice->speaker ? g_strdup_printf("%s+%s", voice->model, voice->speaker) : g_strdup(voice->model);
}

static bool has_voice(struct espeak_process *process, const char *name)
{
    struct espeak_phrase nothing = {.voice = name, .text = ""};
    return espeak_process_speak(process, &nothing, &any_time, NULL, NULL);
}

/* A profile without its voice is said once and speaks with the language's own. */
static void find_missing_voices(struct tts_engine *engine, struct espeak_process *process)
{
    g_auto(GStrv) profiles = voices_profiles(engine->voices, tts_espeak.base.name);
    for (char **profile = profiles; *profile && !espeak_process_is_broken(process); profile++) {
        const struct voice *voice = voices_by_name(engine->voices, *profile);
        g_autofree char *name = voice_name(voice);
        if (has_voice(process, name))
            continue;
        dub_log_warn("voice profile %s is not used: eSpeak NG has no voice \"%s\"", *profile, name);
        g_hash_table_add(engine->missing, voice->profile);
    }
}

static void *create(const struct engine_config *config, struct dub_error *error)
{
    if (!engine_takes_no_model(config, DUB_STAGE_TTS, tts_espeak.base.name,
                               "voices are those of STS_VOICES_FILE", error))
        return NULL;
    struct espeak_process *process = espeak_process_start(NULL, &any_time, error);
    if (!process)
        return NULL;
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    engine->pool = espeak_pool_new();
    engine->voices = config->voices;
    engine->version = g_strdup(espeak_process_version(process));
    engine->languages = list_languages(process);
    engine->missing = g_hash_table_new(g_str_hash, g_str_equal);
    if (engine->voices)
        find_missing_voices(engine, process);
    espeak_pool_give_back(engine->pool, process);
    return engine;
}

static void destroy(void *data)
{
    struct tts_engine *engine = data;
    espeak_pool_free(engine->pool);
    g_hash_table_unref(engine->languages);
    g_hash_table_unref(engine->missing);
    g_free(engine->version);
    g_free(engine);
}

static GStrv sorted_languages(const struct tts_engine *engine)
{
    GList *languages = g_list_sort(g_hash_table_get_keys(engine->languages), (GCompareFunc)g_strcmp0);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (GList *at = languages; at; at = at->next)
        g_strv_builder_add(names, at->data);
    g_list_free(languages);
    return g_strv_builder_end(names);
}

static GStrv usable_profiles(const struct tts_engine *engine)
{
    g_auto(GStrv) profiles = voices_profiles(engine->voices, tts_espeak.base.name);
    g_autoptr(GStrvBuilder) usable = g_strv_builder_new();
    for (char **profile = profiles; *profile; profile++)
        if (!g_hash_table_contains(engine->missing, *profile))
            g_strv_builder_add(usable, *profile);
    return g_strv_builder_end(usable);
}

static void describe(const void *data, struct engine_info *info)
{
    const struct tts_engine *engine = data;
    info->languages = sorted_languages(engine);
    info->voices = engine->voices ? usable_profiles(engine) : NULL;
    info->model = g_strdup(engine->version);
}

static bool supports(const struct tts_engine *engine, const char *language)
{
    return g_hash_table_contains(engine->languages, language);
}

/* NULL: the language's own, as the library has it. */
static const struct voice *choose_voice(const struct tts_engine *engine, const char *profile,
                                        const char *language)
{
    const struct voice *voice =
        engine->voices ? voices_find(engine->voices, profile, language, tts_espeak.base.name) : NULL;
    return voice && !g_hash_table_contains(engine->missing, voice->profile) ? voice : NULL;
}

static char *voice_of(const struct tts_engine *engine, const char *profile, const char *language)
{
    const struct voice *voice = choose_voice(engine, profile, language);
    if (!voice)
        return g_strdup_printf("%s %s", engine->version, language);
    g_autofree char *name = voice_name(voice);
    return g_strdup_printf("%s %s (%s)", engine->version, name, voice->profile);
}

static bool speak_in(struct espeak_process *process, const struct tts_engine *engine,
                     const struct tts_request *request, GArray *samples, struct dub_error *error)
{
    const struct voice *voice = choose_voice(engine, request->voice, request->language);
    g_autofree char *base = engine_language_base(request->language);
    g_autofree char *name = voice ? voice_name(voice) : g_strdup(base);
    int pace = voice && voice->words_per_minute > 0 ? voice->words_per_minute : DEFAULT_WORDS_PER_MINUTE;
    pace = (int)lrint(pace * request->rate);
    struct espeak_phrase phrase = {
        .voice = name,
        .text = request->text,
        .words_per_minute = CLAMP(pace, MIN_WORDS_PER_MINUTE, MAX_WORDS_PER_MINUTE),
        .pitch = voice ? voice->pitch : 50,
        .pitch_range = voice ? voice->pitch_range : 50,
        .max_samples = (guint)(PCM_MAX_MS / 1000 * espeak_process_rate_hz(process)),
    };
    return espeak_process_speak(process, &phrase, &request->call, samples, error);
}

static bool speak_once(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                       struct dub_error *error)
{
    struct espeak_process *process = espeak_pool_take(engine->pool, &request->call, error);
    if (!process)
        return false;
    GArray *samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    bool done = speak_in(process, engine, request, samples, error);
    int rate_hz = espeak_process_rate_hz(process);
    espeak_pool_give_back(engine->pool, process);
    gsize count = 0;
    int16_t *data = g_array_steal(samples, &count);
    g_array_unref(samples);
    if (done)
        *audio = (struct pcm){.samples = data, .count = count, .rate_hz = rate_hz};
    else
        g_free(data);
    return done;
}

/* What one process dies of is seldom in the text alone. */
static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    struct dub_error failure = {0};
    if (speak_once(engine, request, audio, &failure) ||
        (failure.code == DUB_ERROR_MODEL_ERROR && speak_once(engine, request, audio, &failure)))
        return true;
    if (error)
        *error = failure;
    return false;
}

const struct tts_engine_ops tts_espeak = {
    .base =
        {
            .name = "espeak-ng",
            .summary = "eSpeak NG, over 100 languages, offline, CPU",
            .max_concurrency = 8,
            .automatic = true,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .voice_of = voice_of,
    .speak = speak,
};
