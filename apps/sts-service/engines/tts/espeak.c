/* SPDX-License-Identifier: GPL-3.0-or-later */
/* eSpeak NG as a library: over 100 languages, about 100 times as fast as real time.
 *
 * The library is one per process and knows one voice at a time, so this file serialises: whoever wants to
 * speak waits for the turn, under the terms of its call. At a hundredth of real time that costs nobody
 * anything. Once started it stays until the process ends: its second espeak_Terminate() never returns. */
#include "../wait.h"
#include "engines.h"
#include <dubbing_log.h>
#include <espeak-ng/speak_lib.h>
#include <math.h>
#include <string.h>

#define DEFAULT_WORDS_PER_MINUTE 170
/* Two minutes at 22050 Hz; a text of TTS_MAX_BYTES would be longer. */
#define MAX_SAMPLES ((guint)(PCM_MAX_MS / 1000 * 22050))

struct tts_engine {
    const struct voices *voices; /* may be NULL */
    GHashTable *languages;       /* set of base codes */
    GHashTable *missing;         /* set of profiles, borrowed, whose voice is not installed */
};

/* The process's one library. */
static struct {
    pthread_mutex_t lock; /* guards busy, rate_hz while starting */
    pthread_cond_t changed;
    bool busy;   /* whoever set it owns the library and its voice */
    int rate_hz; /* 0: not started */
    char *voice; /* the one that is set */
} library = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What the callback collects for. */
struct utterance {
    const struct engine_call *call;
    GArray *samples;
    bool stopped;
    struct dub_error error;
};

static int on_samples(short *samples, int count, espeak_EVENT *events)
{
    struct utterance *utterance = events->user_data;
    if (!utterance || utterance->stopped)
        return 1;
    if (!engine_call_go_on(utterance->call, DUB_STAGE_TTS, &utterance->error))
        utterance->stopped = true;
    if (samples && count > 0 && utterance->samples->len + (guint)count <= MAX_SAMPLES)
        g_array_append_vals(utterance->samples, samples, (guint)count);
    else if (samples && count > 0)
        utterance->stopped =
            !dub_error_set_stage(&utterance->error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                 "the text takes longer than %d s to speak", PCM_MAX_MS / 1000);
    return utterance->stopped ? 1 : 0;
}

/* With the lock held. */
static bool start_library(struct dub_error *error)
{
    int rate_hz = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT);
    if (rate_hz <= 0)
        return dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS,
                                   "eSpeak NG cannot start: install the package espeak-ng-data");
    espeak_SetSynthCallback(on_samples);
    engine_wait_init(&library.changed);
    library.rate_hz = rate_hz;
    return true;
}

static bool use_library(struct dub_error *error)
{
    pthread_mutex_lock(&library.lock);
    bool usable = library.rate_hz > 0 || start_library(error);
    pthread_mutex_unlock(&library.lock);
    return usable;
}

static bool take_turn(const struct engine_call *call, struct dub_error *error)
{
    bool go_on = true;
    pthread_mutex_lock(&library.lock);
    while (library.busy && (go_on = engine_call_go_on(call, DUB_STAGE_TTS, error)))
        engine_wait_step(&library.changed, &library.lock, call);
    if (go_on)
        library.busy = true;
    pthread_mutex_unlock(&library.lock);
    return go_on;
}

static void end_turn(void)
{
    pthread_mutex_lock(&library.lock);
    library.busy = false;
    pthread_cond_signal(&library.changed);
    pthread_mutex_unlock(&library.lock);
}

/* A voice's language list: a priority byte and a string, again and again, ended by a zero. The first is its
 * own. */
static GHashTable *list_languages(void)
{
    GHashTable *languages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const espeak_VOICE **voices = espeak_ListVoices(NULL);
    for (; voices && *voices; voices++) {
        char *base = engine_language_base((*voices)->languages + 1);
        if (base)
            g_hash_table_add(languages, base);
    }
    return languages;
}

static char *voice_name(const struct voice *voice)
{
    return voice->speaker ? g_strdup_printf("%s+%s", voice->model, voice->speaker) : g_strdup(voice->model);
}

/* In turn. Loading a voice reads files, so the one that is set stays. */
static bool set_voice(const char *name, struct dub_error *error)
{
    if (g_strcmp0(library.voice, name) == 0)
        return true;
    g_clear_pointer(&library.voice, g_free);
    if (espeak_SetVoiceByName(name) != EE_OK)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "eSpeak NG has no voice \"%s\"", name);
    library.voice = g_strdup(name);
    return true;
}

/* In turn. A profile without its voice is said once and speaks with the language's own. */
static void find_missing_voices(struct tts_engine *engine)
{
    g_auto(GStrv) profiles = voices_profiles(engine->voices, tts_espeak.name);
    for (char **profile = profiles; *profile; profile++) {
        const struct voice *voice = voices_by_name(engine->voices, *profile);
        g_autofree char *name = voice_name(voice);
        if (set_voice(name, NULL))
            continue;
        dub_log_warn("voice profile %s is not used: eSpeak NG has no voice \"%s\"", *profile, name);
        g_hash_table_add(engine->missing, voice->profile);
    }
}

static struct tts_engine *create(const struct engine_config *config, struct dub_error *error)
{
    static const struct engine_call any_time = {0};
    if (!engine_takes_no_model(config, DUB_STAGE_TTS, tts_espeak.name, "voices are those of STS_VOICES_FILE",
                               error) ||
        !use_library(error))
        return NULL;
    struct tts_engine *engine = g_new0(struct tts_engine, 1);
    engine->voices = config->voices;
    take_turn(&any_time, NULL);
    engine->languages = list_languages();
    engine->missing = g_hash_table_new(g_str_hash, g_str_equal);
    if (engine->voices)
        find_missing_voices(engine);
    end_turn();
    return engine;
}

static void destroy(struct tts_engine *engine)
{
    g_hash_table_unref(engine->languages);
    g_hash_table_unref(engine->missing);
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
    g_auto(GStrv) profiles = voices_profiles(engine->voices, tts_espeak.name);
    g_autoptr(GStrvBuilder) usable = g_strv_builder_new();
    for (char **profile = profiles; *profile; profile++)
        if (!g_hash_table_contains(engine->missing, *profile))
            g_strv_builder_add(usable, *profile);
    return g_strv_builder_end(usable);
}

static void describe(const struct tts_engine *engine, struct engine_info *info)
{
    info->languages = sorted_languages(engine);
    info->voices = engine->voices ? usable_profiles(engine) : NULL;
    info->model = g_strdup(espeak_Info(NULL));
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
        engine->voices ? voices_find(engine->voices, profile, language, tts_espeak.name) : NULL;
    return voice && !g_hash_table_contains(engine->missing, voice->profile) ? voice : NULL;
}

static char *voice_of(const struct tts_engine *engine, const char *profile, const char *language)
{
    const struct voice *voice = choose_voice(engine, profile, language);
    if (!voice)
        return g_strdup_printf("%s %s", espeak_Info(NULL), language);
    g_autofree char *name = voice_name(voice);
    return g_strdup_printf("%s %s (%s)", espeak_Info(NULL), name, voice->profile);
}

static bool set_up(const struct tts_engine *engine, const struct tts_request *request,
                   struct dub_error *error)
{
    const struct voice *voice = choose_voice(engine, request->voice, request->language);
    g_autofree char *base = engine_language_base(request->language);
    g_autofree char *name = voice ? voice_name(voice) : g_strdup(base);
    int pace = voice && voice->words_per_minute > 0 ? voice->words_per_minute : DEFAULT_WORDS_PER_MINUTE;
    if (!set_voice(name, error))
        return false;
    pace = (int)lrint(pace * request->rate);
    espeak_SetParameter(espeakRATE, CLAMP(pace, espeakRATE_MINIMUM, espeakRATE_MAXIMUM), 0);
    espeak_SetParameter(espeakPITCH, voice ? voice->pitch : 50, 0);
    espeak_SetParameter(espeakRANGE, voice ? voice->pitch_range : 50, 0);
    return true;
}

static bool synthesise(const char *text, struct utterance *utterance, struct dub_error *error)
{
    espeak_ERROR result =
        espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, utterance);
    if (utterance->stopped) {
        if (error)
            *error = utterance->error;
        return false;
    }
    if (result != EE_OK)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "eSpeak NG failed with error %d", (int)result);
    return true;
}

static bool speak(struct tts_engine *engine, const struct tts_request *request, struct pcm *audio,
                  struct dub_error *error)
{
    if (!take_turn(&request->call, error))
        return false;
    struct utterance utterance = {.call = &request->call,
                                  .samples = g_array_new(FALSE, FALSE, sizeof(int16_t))};
    bool done = set_up(engine, request, error) && synthesise(request->text, &utterance, error);
    int rate_hz = library.rate_hz;
    end_turn();
    gsize count = 0;
    int16_t *samples = g_array_steal(utterance.samples, &count);
    g_array_unref(utterance.samples);
    if (done)
        *audio = (struct pcm){.samples = samples, .count = count, .rate_hz = rate_hz};
    else
        g_free(samples);
    return done;
}

const struct tts_engine_ops tts_espeak = {
    .name = "espeak-ng",
    .summary = "eSpeak NG, over 100 languages, offline, CPU",
    .max_concurrency = 8,
    .automatic = true,
    .create = create,
    .destroy = destroy,
    .describe = describe,
    .supports = supports,
    .voice_of = voice_of,
    .speak = speak,
};
