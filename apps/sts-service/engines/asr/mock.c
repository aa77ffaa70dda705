/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Says what it was told to say for everything that is not silence, as slowly and unreliably as it was told
 * (mock_spec.h): a fixed text, a text per fragment from a folder, or a text per sound from a dictionary. In a
 * fixed text "{n}" stands for how many fragments of its session it has been asked for, this one included. */
#include "../../audio/loudness.h"
#include "../mock_spec.h"
#include "engines.h"
#include <dubbing_log.h>
#include <pthread.h>
#include <string.h>

#define DEFAULT_TEXT "the quick brown fox jumps over the lazy dog"
#define COUNT_MARK "{n}"
#define KEYS (MOCK_TEXT | MOCK_DICT | MOCK_FIXTURE | MOCK_LANGUAGE)

struct asr_engine {
    struct mock_spec spec;
    pthread_mutex_t lock; /* guards heard */
    GHashTable *heard;    /* fragments by session_id; what a recogniser learns of a voice, in short */
};

static void *create(const struct engine_config *config, struct dub_error *error)
{
    struct asr_engine *engine = g_new0(struct asr_engine, 1);
    if (!mock_spec_read(&engine->spec, config, DUB_STAGE_ASR, KEYS, error)) {
        g_free(engine);
        return NULL;
    }
    pthread_mutex_init(&engine->lock, NULL);
    engine->heard = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return engine;
}

static void destroy(void *data)
{
    struct asr_engine *engine = data;
    mock_spec_clear(&engine->spec);
    g_hash_table_unref(engine->heard);
    pthread_mutex_destroy(&engine->lock);
    g_free(engine);
}

static void describe(const void *data, struct engine_info *info)
{
    const struct asr_engine *engine = data;
    static const char *const languages[] = {"*", NULL};
    info->model = g_strdup(engine->spec.model);
    info->languages = g_strdupv((char **)languages);
}

static bool supports(const struct asr_engine *engine, const char *language)
{
    return engine->spec.language || strcmp(language, ENGINE_LANGUAGE_UNKNOWN) != 0;
}

/* The words share the clip's time evenly. */
static void add_words(struct asr_transcript *transcript, const char *text, int64_t duration_ms)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    guint count = g_strv_length(words);
    for (guint i = 0; i < count; i++)
        asr_transcript_add_word(transcript, words[i], duration_ms * i / count, duration_ms * (i + 1) / count,
                                1.0);
}

/* "sha256:..." of the samples, "#N" for the fragment's number, "*" for all others. */
static const char *look_up(GHashTable *dict, const struct asr_request *request)
{
    const struct pcm *audio = request->audio;
    g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)audio->samples,
                                                        audio->count * sizeof *audio->samples);
    g_autofree char *by_hash = g_strconcat("sha256:", hash, NULL);
    g_autofree char *by_number = g_strdup_printf("#%d", (int)request->call.fragment);
    const char *const names[] = {by_hash, by_number, "*"};
    dub_log_debug("mock: fragment %s is %s", by_number, by_hash);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_hash_table_contains(dict, names[i]))
            return g_hash_table_lookup(dict, names[i]);
    return NULL;
}

static char *read_fixture(const struct asr_engine *engine, const struct asr_request *request)
{
    g_autofree char *path = mock_spec_fixture(&engine->spec, &request->call, "txt");
    char *text = NULL;
    if (path && g_file_get_contents(path, &text, NULL, NULL))
        g_strstrip(text);
    return text;
}

/* Of a request that belongs to no session it is always the first. */
static int count_heard(struct asr_engine *engine, const char *session_id)
{
    if (!session_id)
        return 1;
    pthread_mutex_lock(&engine->lock);
    int count = GPOINTER_TO_INT(g_hash_table_lookup(engine->heard, session_id)) + 1;
    g_hash_table_insert(engine->heard, g_strdup(session_id), GINT_TO_POINTER(count));
    pthread_mutex_unlock(&engine->lock);
    return count;
}

static char *say(struct asr_engine *engine, const struct asr_request *request)
{
    const char *text = engine->spec.text ? engine->spec.text : DEFAULT_TEXT;
    if (!strstr(text, COUNT_MARK))
        return g_strdup(text);
    g_autofree char *count = g_strdup_printf("%d", count_heard(engine, request->call.session_id));
    GString *said = g_string_new(text);
    g_string_replace(said, COUNT_MARK, count, 0);
    return g_string_free(said, FALSE);
}

/* What is heard; NULL: nothing. */
static char *hear(struct asr_engine *engine, const struct asr_request *request)
{
    if (!loudness_may_be_speech(request->audio))
        return NULL;
    if (engine->spec.fixture)
        return read_fixture(engine, request);
    if (engine->spec.dict)
        return g_strdup(look_up(engine->spec.dict, request));
    return say(engine, request);
}

static bool transcribe(struct asr_engine *engine, const struct asr_request *request,
                       struct asr_transcript *transcript, struct dub_error *error)
{
    if (!mock_spec_play(&engine->spec, &request->call, DUB_STAGE_ASR, error))
        return false;
    transcript->confidence = 1.0;
    if (engine_language_matches(request->language, ENGINE_LANGUAGE_UNKNOWN))
        g_strlcpy(transcript->language, engine->spec.language, sizeof transcript->language);
    transcript->text = hear(engine, request);
    transcript->no_speech = !transcript->text || *transcript->text == '\0';
    if (!transcript->no_speech)
        add_words(transcript, transcript->text, pcm_duration_ms(request->audio));
    return true;
}

static void forget(struct asr_engine *engine, const char *session_id)
{
    pthread_mutex_lock(&engine->lock);
    g_hash_table_remove(engine->heard, session_id);
    pthread_mutex_unlock(&engine->lock);
}

const struct asr_engine_ops asr_mock = {
    .base =
        {
            .name = "mock",
            .summary = "for tests: hears what STS_ASR_MODEL says",
            .max_concurrency = 64,
            .automatic = false,
            .create = create,
            .destroy = destroy,
            .describe = describe,
        },
    .supports = supports,
    .forget = forget,
    .transcribe = transcribe,
};
