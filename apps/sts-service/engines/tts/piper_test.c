/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only the piper engine promises, with voices that tests/tiny_piper.py makes: tones whose length follows
 * the number of phonemes. */
#include "../../audio/fit.h"
#include "../contract_support.h"
#include "piper_test_support.h"
#include "tts.h"

#include <malloc.h>

#define RATE_HZ TINY_PIPER_RATE_HZ
#define WIDE_MS 30000

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
        g_assert_cmpfloat_with_epsilon(tiny_piper_pitch(clip.samples, clip.count), 220.0, 3.0);
    }
    tts_close(tts);
}

struct speaking {
    struct tts *tts;
    struct tts_request request;
    int times;
};

static bool speak_at(double rate, struct pcm *clip, void *user, struct dub_error *error)
{
    struct speaking *speaking = user;
    speaking->request.rate = rate;
    speaking->times++;
    *clip = speak(speaking->tts, &speaking->request);
    return true;
}

/* What is too long is spoken again by another length scale, and then nothing is left to stretch. */
static void test_the_duration_fit_needs_no_stretch(struct fixture *fixture, gconstpointer user)
{
    piper_folder_add(&fixture->folder, "voice", "es_ES-tone");
    struct speaking speaking = {
        .tts = open_engine(fixture),
        .request = {.text = "Buenas noches a todos. Y bienvenidos.", .language = "es"}};
    struct fit_decision decision = {0};
    pcm_auto natural = speak(speaking.tts, &speaking.request);
    struct fit_slot slot = {.duration_ms = pcm_duration_ms(&natural) * 100 / 120};
    pcm_auto fitted = {0};
    g_assert_true(fit_speech(&slot, speak_at, &speaking, &fitted, &decision, NULL));
    g_assert_cmpint(speaking.times, ==, 2);
    g_assert_cmpfloat(decision.stretch, ==, 1.0);
    g_assert_cmpint(decision.verdict, ==, FIT_SUCCESS);
    g_assert_cmpfloat_with_epsilon(tiny_piper_pitch(fitted.samples, fitted.count), 220.0, 20.0);
    tts_close(speaking.tts);
}

static void assert_automatic(const struct fixture *fixture, const char *engine)
{
    struct engine_config config = config_of(fixture);
    struct engine_info info = {0};
    struct tts *tts = tts_open("auto", &config, NULL);
    g_assert_nonnull(tts);
    tts_describe(tts, &info);
    g_assert_cmpstr(info.name, ==, engine);
    engine_info_clear(&info);
    tts_close(tts);
}

static void test_auto_takes_it_where_a_voice_is_there(struct fixture *fixture, gconstpointer user)
{
    assert_automatic(fixture, "espeak-ng");
    piper_folder_add(&fixture->folder, "missing", "other");
    assert_automatic(fixture, "espeak-ng");
    piper_folder_add(&fixture->folder, "voice", "es_ES-tone");
    assert_automatic(fixture, "piper");
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
    g_assert_cmpfloat_with_epsilon(tiny_piper_pitch(clip.samples, clip.count), pitch, 5.0);
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
    g_assert_true(voice && memcpy(voice, "\"voice\": \"qq\"", 13));
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
#define ADD(name, test) g_test_add("/piper/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("the-rate-is-the-models", test_the_rate_is_the_models);
    ADD("the-duration-fit-needs-no-stretch", test_the_duration_fit_needs_no_stretch);
    ADD("auto-takes-it-where-a-voice-is-there", test_auto_takes_it_where_a_voice_is_there);
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
