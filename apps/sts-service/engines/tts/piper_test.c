/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only piper promises, with voices that tests/tiny_piper.py makes: tones whose length follows the number
 * of phonemes. */
#include "../contract_support.h"
#include "piper_session.h"
#include "piper_shelf.h"
#include "piper_test_support.h"
#include "tts.h"

#include <malloc.h>
#include <math.h>

#define RATE_HZ 22050
#define SPAN 512
#define MUCH ((gsize)RATE_HZ * 120)
#define WIDE_MS 30000

static const struct piper_session_terms one_voice = {.device = "cpu", .threads = 1};
static const struct piper_session_terms three_voices = {.device = "cpu", .threads = 1, .speakers = true};

static struct piper_session *load(const char *kind, const struct piper_session_terms *terms)
{
    struct dub_error error = {0};
    g_autofree char *path = tiny_piper(kind);
    struct piper_session *session = piper_session_load(path, terms, &error);
    if (!session)
        g_error("%s", error.message);
    return session;
}

static GArray *some_ids(guint count)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (int64_t i = 0; i < count; i++)
        g_array_append_val(ids, i);
    return ids;
}

static bool run(const struct piper_session *session, const struct piper_input *input, GArray *samples,
                struct dub_error *error)
{
    struct piper_stop *stop = piper_stop_new();
    bool done = piper_session_run(session, input, stop, samples, MUCH, error);
    piper_stop_free(stop);
    return done;
}

static GArray *must_run(const struct piper_session *session, guint count, float length_scale, int speaker)
{
    g_autoptr(GArray) ids = some_ids(count);
    GArray *samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    struct piper_input input = {.ids = ids, .length_scale = length_scale, .speaker = speaker};
    struct dub_error error = {0};
    if (!run(session, &input, samples, &error))
        g_error("%s", error.message);
    return samples;
}

static guint crossings(const int16_t *samples, gsize count)
{
    guint crossed = 0;
    for (gsize i = 1; i < count; i++)
        crossed += samples[i - 1] < 0 && samples[i] >= 0;
    return crossed;
}

static double pitch_of(const int16_t *samples, gsize count)
{
    return (double)crossings(samples, count) * RATE_HZ / (double)count;
}

/* The model gets the numbers as they are: it says them. */
static void test_the_numbers_arrive(void)
{
    struct piper_session *session = load("letters", &one_voice);
    g_autoptr(GArray) samples = must_run(session, 200, 1.0F, 0);
    g_assert_cmpuint(samples->len, ==, 200 * 4);
    for (guint i = 0; i < samples->len; i++)
        g_assert_cmpint(g_array_index(samples, int16_t, i), ==, lrint((i / 4) * 32767 / 1024.0));
    g_assert_false(piper_session_on_gpu(session));
    piper_session_free(session);
    piper_session_free(NULL);
}

static void test_the_length_scale_arrives(void)
{
    static const float scales[] = {0.5F, 1.0F, 2.0F};
    struct piper_session *session = load("voice", &one_voice);
    for (gsize i = 0; i < G_N_ELEMENTS(scales); i++) {
        g_autoptr(GArray) samples = must_run(session, 50, scales[i], 0);
        g_assert_cmpuint(samples->len, ==, (guint)(50 * SPAN * scales[i]));
        g_assert_cmpfloat_with_epsilon(pitch_of((int16_t *)samples->data, samples->len), 220.0, 2.5);
    }
    piper_session_free(session);
}

static void test_the_speaker_arrives(void)
{
    static const double pitches[] = {110.0, 220.0, 440.0};
    struct piper_session *session = load("speakers", &three_voices);
    for (int i = 0; i < 3; i++) {
        g_autoptr(GArray) samples = must_run(session, 50, 1.0F, i);
        g_assert_cmpfloat_with_epsilon(pitch_of((int16_t *)samples->data, samples->len), pitches[i], 2.5);
    }
    piper_session_free(session);
    /* One with a single speaker told may take one all the same. */
    session = load("speakers", &one_voice);
    g_autoptr(GArray) samples = must_run(session, 10, 1.0F, 0);
    g_assert_cmpuint(samples->len, ==, 10 * SPAN);
    piper_session_free(session);
}

static void assert_not_loaded(const char *path, const struct piper_session_terms *terms, const char *why)
{
    struct dub_error error = {0};
    g_assert_null(piper_session_load(path, terms, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    if (!strstr(error.message, why) || !strstr(error.message, path))
        g_error("\"%s\" has no \"%s\"", error.message, why);
}

static void test_other_shapes_are_refused(void)
{
    static const struct {
        const char *kind, *why;
    } cases[] = {{"scales", "\"scales\" is not float[3]"},
                 {"types", "\"input\" is not int64[1, phonemes]"},
                 {"missing", "\"lid\" is not one of Piper's"},
                 {"speaker", "\"sid\" is missing"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = tiny_piper(cases[i].kind);
        assert_not_loaded(path, &three_voices, cases[i].why);
    }
}

/* Whole by its lengths, but the library knows no such operator. */
static void test_what_the_library_refuses(void)
{
    struct piper_folder folder;
    gsize size = 0;
    g_autofree char *data = tiny_piper_bytes("voice", &size);
    char *kind = memmem(data, size, "\x22\x03Sin", 5);
    g_assert_nonnull(kind);
    kind[2] = 'X';
    piper_folder_make(&folder);
    piper_folder_write(&folder, "odd.onnx", data, size);
    g_autofree char *path = g_build_filename(folder.path, "odd.onnx", NULL);
    assert_not_loaded(path, &one_voice, "cannot be loaded by ONNX Runtime");
    assert_not_loaded("/nonexistent.onnx", &one_voice, "cannot be loaded by ONNX Runtime");
    piper_folder_remove(&folder);
}

static void assert_no_sound(const char *kind, enum dub_error_code code)
{
    struct piper_session *session = load(kind, &one_voice);
    g_autoptr(GArray) ids = some_ids(10);
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    struct piper_input input = {.ids = ids, .length_scale = 1.0F};
    struct dub_error error = {0};
    g_assert_false(run(session, &input, samples, &error));
    g_assert_cmpint(error.code, ==, code);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    piper_session_free(session);
}

static void test_what_is_no_speech_is_refused(void)
{
    assert_no_sound("numbers", DUB_ERROR_MODEL_ERROR);
    assert_no_sound("nothing", DUB_ERROR_MODEL_ERROR);
    assert_no_sound("endless", DUB_ERROR_TTS_SYNTHESIS_FAILED);
}

static void test_a_device_that_is_not_there(void)
{
    struct dub_error error = {0};
    g_assert_true(piper_session_check_device("auto", NULL));
    g_assert_true(piper_session_check_device("cpu", NULL));
    if (piper_session_check_device("cuda", &error))
        return;
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "STS_DEVICE"));
}

struct slow_run {
    struct piper_session *session;
    struct piper_stop *stop;
    struct dub_error error;
};

static gpointer run_slowly(gpointer user)
{
    struct slow_run *slow = user;
    g_autoptr(GArray) ids = some_ids(4);
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    struct piper_input input = {.ids = ids, .length_scale = 1.0F};
    g_assert_false(piper_session_run(slow->session, &input, slow->stop, samples, MUCH, &slow->error));
    return NULL;
}

/* Its model would go on for days. */
static void test_a_run_is_stopped(void)
{
    for (int at_once = 0; at_once < 2; at_once++) {
        struct slow_run slow = {.session = load("slow", &one_voice), .stop = piper_stop_new()};
        if (at_once)
            piper_stop_now(slow.stop);
        GThread *thread = g_thread_new("slow", run_slowly, &slow);
        if (!at_once)
            piper_stop_now(slow.stop);
        g_thread_join(thread);
        g_assert_cmpint(slow.error.code, ==, DUB_ERROR_MODEL_ERROR);
        piper_stop_free(slow.stop);
        piper_session_free(slow.session);
    }
}

static gpointer run_in_thread(gpointer user)
{
    for (guint i = 0; i < 50; i++) {
        guint count = 5 + i % 7;
        g_autoptr(GArray) samples = must_run(user, count, 1.0F, 0);
        g_assert_cmpuint(samples->len, ==, count * 4);
        g_assert_cmpint(g_array_index(samples, int16_t, samples->len - 1), ==,
                        lrint((count - 1) * 32767 / 1024.0));
    }
    return NULL;
}

static void test_several_runs_at_a_time(void)
{
    struct piper_session *session = load("letters", &one_voice);
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("run", run_in_thread, session);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    piper_session_free(session);
}

/* Of ten voices eight stay loaded, and the one that is in use is not thrown out. */
static void test_the_shelf_is_bounded(void)
{
    struct piper_folder folder;
    piper_folder_make(&folder);
    for (int i = 0; i < PIPER_SHELF_MAX + 2; i++) {
        g_autofree char *name = g_strdup_printf("v%02d", i);
        piper_folder_add(&folder, "letters", name);
    }
    struct engine_config config = {.model_cache_dir = folder.path};
    g_autoptr(GPtrArray) found = piper_find(&config, NULL);
    struct piper_shelf *shelf = piper_shelf_new("cpu", 1);
    const struct piper_session *first = piper_shelf_take(shelf, found->pdata[0], NULL);
    for (guint i = 1; i < found->len; i++) {
        g_assert_nonnull(piper_shelf_take(shelf, found->pdata[i], NULL));
        piper_shelf_give_back(shelf, found->pdata[i]);
        g_assert_cmpuint(piper_shelf_loaded(shelf), <=, PIPER_SHELF_MAX);
    }
    g_assert_cmpuint(piper_shelf_loaded(shelf), ==, PIPER_SHELF_MAX);
    g_assert_true(piper_shelf_take(shelf, found->pdata[0], NULL) == first);
    piper_shelf_give_back(shelf, found->pdata[0]);
    piper_shelf_give_back(shelf, found->pdata[0]);
    piper_shelf_free(shelf);
    piper_folder_remove(&folder);
}

/* All are in use: there is no room to be made, so there are more for a while. */
static void test_more_than_the_shelf_at_a_time(void)
{
    struct piper_folder folder;
    piper_folder_make(&folder);
    for (int i = 0; i < PIPER_SHELF_MAX + 1; i++) {
        g_autofree char *name = g_strdup_printf("v%02d", i);
        piper_folder_add(&folder, "letters", name);
    }
    struct engine_config config = {.model_cache_dir = folder.path};
    g_autoptr(GPtrArray) found = piper_find(&config, NULL);
    struct piper_shelf *shelf = piper_shelf_new("cpu", 1);
    for (guint i = 0; i < found->len; i++)
        g_assert_nonnull(piper_shelf_take(shelf, found->pdata[i], NULL));
    g_assert_cmpuint(piper_shelf_loaded(shelf), ==, PIPER_SHELF_MAX + 1);
    for (guint i = 0; i < found->len; i++)
        piper_shelf_give_back(shelf, found->pdata[i]);
    g_assert_cmpuint(piper_shelf_loaded(shelf), ==, PIPER_SHELF_MAX);
    piper_shelf_free(shelf);
    piper_folder_remove(&folder);
}

/* The engine as its callers have it. */
struct fixture {
    struct piper_folder folder;
    struct voices *voices; /* NULL: none */
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    piper_folder_make(&fixture->folder);
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    piper_folder_remove(&fixture->folder);
    voices_free(fixture->voices);
}

static struct engine_config config_of(const struct fixture *fixture)
{
    return (struct engine_config){
        .model_cache_dir = fixture->folder.path, .device = "cpu", .workers = 1, .voices = fixture->voices};
}

static struct tts *open_engine(const struct fixture *fixture)
{
    struct engine_config config = config_of(fixture);
    struct dub_error error = {0};
    struct tts *tts = tts_open("piper", &config, &error);
    if (!tts)
        g_error("%s", error.message);
    return tts;
}

static struct pcm speak(struct tts *tts, const struct tts_request *request)
{
    struct tts_result result = {0};
    struct dub_error error = {0};
    if (!tts_speak(tts, request, &result, &error))
        g_error("%s", error.message);
    return result.audio;
}

/* Faster by the model, not by a stretch: shorter at the same pitch, as exactly as samples allow. */
static void test_the_rate_is_the_models(struct fixture *fixture, gconstpointer user)
{
    static const double rates[] = {0.5, 0.85, 1.25, 2.0};
    piper_folder_add(&fixture->folder, "voice", "es_ES-tone");
    struct tts *tts = open_engine(fixture);
    struct tts_request request = {.text = "Buenas noches a todos.", .language = "es"};
    pcm_auto natural = speak(tts, &request);
    g_assert_cmpint(natural.rate_hz, ==, RATE_HZ);
    for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
        request.rate = rates[i];
        pcm_auto clip = speak(tts, &request);
        g_assert_cmpfloat_with_epsilon((double)natural.count / (double)clip.count, rates[i], 0.02);
        g_assert_cmpfloat_with_epsilon(pitch_of(clip.samples, clip.count), 220.0, 3.0);
    }
    tts_close(tts);
}

static gsize longest_silence(const struct pcm *clip)
{
    gsize longest = 0;
    gsize silent = 0;
    for (gsize i = 0; i < clip->count; i++) {
        silent = clip->samples[i] == 0 ? silent + 1 : 0;
        longest = MAX(longest, silent);
    }
    return longest;
}

static void assert_pause(struct tts *tts, const char *text, double rate, double pause_ms)
{
    struct tts_request request = {.text = text, .language = "es", .rate = rate};
    pcm_auto clip = speak(tts, &request);
    g_assert_cmpfloat_with_epsilon((double)longest_silence(&clip) * 1000.0 / RATE_HZ, pause_ms, 2.0);
}

static void test_a_pause_between_sentences(struct fixture *fixture, gconstpointer user)
{
    piper_folder_add(&fixture->folder, "voice", "es_ES-tone");
    struct tts *tts = open_engine(fixture);
    assert_pause(tts, "Buenas noches, a todos.", 1.0, 0.0);
    assert_pause(tts, "Buenas noches. A todos.", 1.0, 200.0);
    assert_pause(tts, "Buenas noches. A todos.", 2.0, 100.0);
    tts_close(tts);
}

#define PROFILES                                                                                             \
    "{\"voices\":{"                                                                                          \
    "\"en-deep\":{\"language\":\"en\",\"engine\":\"piper\",\"model\":\"en_US-three\",\"speaker\":\"low\"},"  \
    "\"en-high\":{\"language\":\"en\",\"engine\":\"piper\",\"model\":\"en_US-three\",\"speaker\":\"2\"}},"   \
    "\"defaults\":{\"en\":\"en-high\"}}"

static void assert_voice(struct tts *tts, const char *profile, double pitch, const char *used)
{
    struct tts_request request = {.text = "Good evening.", .language = "en-GB", .voice = profile};
    g_autofree char *name = tts_used(tts, profile, "en-GB");
    pcm_auto clip = speak(tts, &request);
    g_assert_cmpfloat_with_epsilon(pitch_of(clip.samples, clip.count), pitch, 5.0);
    g_assert_cmpstr(name, ==, used);
}

static void test_profiles_choose_the_speaker(struct fixture *fixture, gconstpointer user)
{
    struct engine_info info = {0};
    fixture->voices = voices_parse(PROFILES, strlen(PROFILES), NULL);
    piper_folder_add(&fixture->folder, "speakers", "en_US-three");
    piper_folder_add(&fixture->folder, "voice", "es_ES-tone");
    struct tts *tts = open_engine(fixture);
    assert_voice(tts, "en-deep", 110.0, "piper en_US-three low (en-deep)");
    assert_voice(tts, "en-high", 440.0, "piper en_US-three 2 (en-high)");
    assert_voice(tts, "default", 440.0, "piper en_US-three 2 (en-high)");
    g_autofree char *spanish = tts_used(tts, "default", "es-419");
    g_assert_cmpstr(spanish, ==, "piper es_ES-tone");
    tts_describe(tts, &info);
    g_assert_cmpstr(info.model, ==, "en_US-three, es_ES-tone");
    g_assert_cmpuint(g_strv_length(info.languages), ==, 2);
    g_assert_cmpuint(g_strv_length(info.voices), ==, 2);
    engine_info_clear(&info);
    tts_close(tts);
}

static void assert_left(struct tts *tts, struct tts_request *request, enum dub_error_code code)
{
    struct tts_result result = {0};
    struct dub_error error = {0};
    g_assert_false(tts_speak(tts, request, &result, &error));
    g_assert_cmpint(error.code, ==, code);
}

/* The only thread is at a model that would go on for days: the caller leaves, and the next one is served. */
static void test_deadline_and_cancel(struct fixture *fixture, gconstpointer user)
{
    struct contract_canceller canceller;
    piper_folder_add(&fixture->folder, "slow", "en_US-slow");
    piper_folder_add(&fixture->folder, "letters", "es_ES-quick");
    struct tts *tts = open_engine(fixture);
    struct tts_request slow = {.text = "good evening", .language = "en"};
    struct tts_request quick = {.text = "buenas noches", .language = "es"};
    slow.call.deadline_ns = contract_deadline_ns(50);
    int64_t start_ms = contract_now_ms();
    assert_left(tts, &slow, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(contract_now_ms() - start_ms, <, 50 + CONTRACT_LATE_MS);
    quick.call.deadline_ns = contract_deadline_ns(WIDE_MS);
    pcm_auto clip = speak(tts, &quick);

    contract_canceller_start(&canceller, 20);
    slow.call = (struct engine_call){.cancellable = canceller.cancellable};
    assert_left(tts, &slow, DUB_ERROR_CANCELLED);
    int64_t end_ms = contract_now_ms();
    contract_canceller_join(&canceller);
    g_assert_cmpint(end_ms - canceller.cancelled_ms, <, CONTRACT_LATE_MS);
    quick.call.deadline_ns = contract_deadline_ns(WIDE_MS);
    pcm_auto again = speak(tts, &quick);
    g_assert_cmpuint(clip.count, ==, again.count);
    tts_close(tts);
}

static void test_text_that_the_voice_does_not_know(struct fixture *fixture, gconstpointer user)
{
    piper_folder_add(&fixture->folder, "letters", "es_ES-quick");
    struct tts *tts = open_engine(fixture);
    struct tts_request request = {.text = "\xd0\x96\xd0\xb6", .language = "es"};
    assert_left(tts, &request, DUB_ERROR_TTS_SYNTHESIS_FAILED);
    tts_close(tts);
}

static void assert_refused(const struct fixture *fixture, const char *model, enum dub_error_code code,
                           const char *why)
{
    struct engine_config config = config_of(fixture);
    struct dub_error error = {0};
    config.model = model;
    g_assert_null(tts_open("piper", &config, &error));
    g_assert_cmpint(error.code, ==, code);
    if (!strstr(error.message, why))
        g_error("\"%s\" has no \"%s\"", error.message, why);
}

static void test_spoilt_voices_are_named_at_the_start(struct fixture *fixture, gconstpointer user)
{
    gsize size = 0;
    g_autofree char *data = tiny_piper_bytes("voice", &size);
    g_autofree char *model = tiny_piper("voice");
    g_autofree char *settings = g_strconcat(model, ".json", NULL);
    piper_folder_write(&fixture->folder, "cut.onnx", data, size - 100);
    piper_folder_link(&fixture->folder, settings, "cut.onnx.json");
    assert_refused(fixture, "cut", DUB_ERROR_UNAVAILABLE, "cut.onnx is cut short");
    piper_folder_add(&fixture->folder, "missing", "other");
    assert_refused(fixture, "other", DUB_ERROR_UNAVAILABLE, "other.onnx is no voice of Piper");
    assert_refused(fixture, NULL, DUB_ERROR_UNAVAILABLE, ".onnx");
    piper_folder_add(&fixture->folder, "voice", "whole");
    struct tts *tts = open_engine(fixture);
    struct engine_info info = {0};
    tts_describe(tts, &info);
    g_assert_cmpstr(info.model, ==, "whole");
    engine_info_clear(&info);
    tts_close(tts);
}

static void test_a_voice_that_espeak_has_not(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *model = tiny_piper("voice");
    g_autofree char *path = g_strconcat(model, ".json", NULL);
    g_autofree char *settings = NULL;
    g_assert_true(g_file_get_contents(path, &settings, NULL, NULL));
    char *voice = strstr(settings, "\"voice\": \"es\"");
    g_assert_nonnull(voice);
    memcpy(voice, "\"voice\": \"qq\"", 13);
    piper_folder_link(&fixture->folder, model, "odd.onnx");
    piper_folder_write(&fixture->folder, "odd.onnx.json", settings, strlen(settings));
    assert_refused(fixture, NULL, DUB_ERROR_UNAVAILABLE, "no voice \"qq\"");
}

static guint count_threads(void)
{
    g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
    guint count = 0;
    while (g_dir_read_name(tasks))
        count++;
    return count;
}

/* The cores are shared out: workers, and for each loaded voice those that help a worker. */
static void test_threads_are_bounded(struct fixture *fixture, gconstpointer user)
{
    struct engine_config config = config_of(fixture);
    guint before = count_threads();
    piper_folder_add(&fixture->folder, "letters", "es_ES-quick");
    config.workers = 2;
    struct tts *tts = tts_open("piper", &config, NULL);
    guint helpers = MAX(g_get_num_processors() / 2, 1) - 1;
    g_assert_cmpuint(count_threads(), <=, before + 2 + helpers);
    struct tts_request request = {.text = "buenas noches", .language = "es"};
    pcm_auto clip = speak(tts, &request);
    g_assert_cmpuint(count_threads(), <=, before + 2 + helpers);
    tts_close(tts);
}

static void speak_often(struct tts *tts, int times)
{
    static const char *const texts[] = {"buenas noches", "si", "hasta luego. adios."};
    for (int i = 0; i < times; i++) {
        struct tts_request request = {.text = texts[i % 3], .language = "es", .rate = 1.0 + i % 5 / 10.0};
        pcm_auto clip = speak(tts, &request);
    }
}

/* Whatever the lengths, what a call takes is given back. */
static void test_memory_over_many_calls(struct fixture *fixture, gconstpointer user)
{
    piper_folder_add(&fixture->folder, "voice", "es_ES-tone");
    struct tts *tts = open_engine(fixture);
    speak_often(tts, 50);
    size_t before = mallinfo2().uordblks;
    speak_often(tts, 300);
    size_t after = mallinfo2().uordblks;
    g_assert_cmpuint(after, <, before + (64u << 10));
    tts_close(tts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piper-session/the-numbers-arrive", test_the_numbers_arrive);
    g_test_add_func("/piper-session/the-length-scale-arrives", test_the_length_scale_arrives);
    g_test_add_func("/piper-session/the-speaker-arrives", test_the_speaker_arrives);
    g_test_add_func("/piper-session/other-shapes-are-refused", test_other_shapes_are_refused);
    g_test_add_func("/piper-session/what-the-library-refuses", test_what_the_library_refuses);
    g_test_add_func("/piper-session/what-is-no-speech-is-refused", test_what_is_no_speech_is_refused);
    g_test_add_func("/piper-session/a-device-that-is-not-there", test_a_device_that_is_not_there);
    g_test_add_func("/piper-session/a-run-is-stopped", test_a_run_is_stopped);
    g_test_add_func("/piper-session/several-runs-at-a-time", test_several_runs_at_a_time);
    g_test_add_func("/piper-shelf/it-is-bounded", test_the_shelf_is_bounded);
    g_test_add_func("/piper-shelf/more-than-it-holds-at-a-time", test_more_than_the_shelf_at_a_time);
#define ADD(name, test) g_test_add("/piper/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("the-rate-is-the-models", test_the_rate_is_the_models);
    ADD("a-pause-between-sentences", test_a_pause_between_sentences);
    ADD("profiles-choose-the-speaker", test_profiles_choose_the_speaker);
    ADD("deadline-and-cancel", test_deadline_and_cancel);
    ADD("text-that-the-voice-does-not-know", test_text_that_the_voice_does_not_know);
    ADD("spoilt-voices-are-named-at-the-start", test_spoilt_voices_are_named_at_the_start);
    ADD("a-voice-that-espeak-has-not", test_a_voice_that_espeak_has_not);
    ADD("threads-are-bounded", test_threads_are_bounded);
    ADD("memory-over-many-calls", test_memory_over_many_calls);
    return g_test_run();
}
