/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every synthesiser keeps, run on the mock and on what is installed. */
#include "../../audio/loudness.h"
#include "../contract_support.h"
#include "../http/fake_apis.h"
#include "tts.h"
#include <string.h>

#define THREADS 4
#define SENTENCE "Buenas noches y bienvenidos a las noticias de las diez."

static struct fake_apis *apis;

/* One per engine for the whole run. */
struct fixture {
    const char *engine;
    struct tts *tts; /* NULL: not installed */
    struct dub_error error;
};

static struct fixture open_fixture(const char *engine, const struct voices *voices)
{
    struct engine_config config = {.workers = 4,
                                   .model = contract_model(engine),
                                   .voices = voices,
                                   .providers = fake_apis_providers(apis)};
    struct fixture fixture = {.engine = engine};
    fixture.tts = tts_open(engine, &config, &fixture.error);
    return fixture;
}

static struct tts_request request_for(const char *text)
{
    return (struct tts_request){.text = text, .language = "es"};
}

static struct pcm speak(const struct fixture *fixture, const struct tts_request *request)
{
    struct tts_result result = {0};
    struct dub_error error = {0};
    bool done = tts_speak(fixture->tts, request, &result, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_true(done);
    return result.audio;
}

static void test_a_sentence_is_spoken(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    struct tts_request request = request_for(SENTENCE);
    pcm_auto clip = speak(fixture, &request);
    g_assert_cmpint(clip.rate_hz, >=, 16000);
    g_assert_cmpint(pcm_duration_ms(&clip), >, 1500);
    g_assert_cmpint(pcm_duration_ms(&clip), <, 6000);
    g_assert_true(loudness_may_be_speech(&clip));
}

static void test_the_clip_is_ready_for_air(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    struct tts_request request = request_for(SENTENCE);
    pcm_auto clip = speak(fixture, &request);
    struct loudness level = loudness_measure(&clip, -50.0);
    /* A voice with high peaks stays a little below: they bound the gain. */
    g_assert_cmpfloat(level.speech_dbfs, >, LOUDNESS_SPEECH_DBFS - 4.0);
    g_assert_cmpfloat(level.speech_dbfs, <, LOUDNESS_SPEECH_DBFS + 1.0);
    g_assert_cmpfloat(level.peak_dbfs, <=, LOUDNESS_PEAK_DBFS + 0.1);
    g_assert_cmpint(clip.samples[0], ==, 0);
    g_assert_cmpint(clip.samples[clip.count - 1], ==, 0);
    /* No silence left at the ends: there is sound in the first and in the last 40 ms. */
    size_t edge = (size_t)clip.rate_hz / 25;
    struct pcm head = {.samples = clip.samples, .count = edge, .rate_hz = clip.rate_hz};
    struct pcm tail = {.samples = clip.samples + clip.count - edge, .count = edge, .rate_hz = clip.rate_hz};
    g_assert_cmpfloat(loudness_measure(&head, -50.0).peak_dbfs, >, -60.0);
    g_assert_cmpfloat(loudness_measure(&tail, -50.0).peak_dbfs, >, -60.0);
}

static int largest_step(const int16_t *samples, size_t count)
{
    int largest = 0;
    for (size_t i = 1; i < count; i++)
        largest = MAX(largest, abs(samples[i] - samples[i - 1]));
    return largest;
}

/* A click is a step that the speech itself does not make: the first and the last 5 ms rise and fall from and
 * to zero, with no step that stands out from those inside. */
static void test_no_click_at_either_end(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    static const char *const texts[] = {SENTENCE, "\xc2\xa1T\xc3\xba!", "sss", "Ah"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct tts_request request = request_for(texts[i]);
        pcm_auto clip = speak(fixture, &request);
        size_t edge = (size_t)clip.rate_hz * 5 / 1000;
        g_assert_cmpuint(clip.count, >, 4 * edge);
        int inside = largest_step(clip.samples + edge, clip.count - 2 * edge);
        g_assert_cmpint(largest_step(clip.samples, edge), <=, inside);
        g_assert_cmpint(largest_step(clip.samples + clip.count - edge, edge), <=, inside);
        g_assert_cmpint(abs(clip.samples[0]), <=, 1);
        g_assert_cmpint(abs(clip.samples[1]), <, 100);
        g_assert_cmpint(abs(clip.samples[clip.count - 1]), <=, 1);
        g_assert_cmpint(abs(clip.samples[clip.count - 2]), <, 100);
    }
}

static void test_the_rate_is_followed(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    struct tts_request request = request_for(SENTENCE);
    pcm_auto natural = speak(fixture, &request);
    request.rate = 1.25;
    pcm_auto fast = speak(fixture, &request);
    request.rate = 0.85;
    pcm_auto slow = speak(fixture, &request);
    double natural_ms = (double)pcm_duration_ms(&natural);
    g_assert_cmpfloat_with_epsilon(natural_ms / (double)pcm_duration_ms(&fast), 1.25, 0.1);
    g_assert_cmpfloat_with_epsilon(natural_ms / (double)pcm_duration_ms(&slow), 0.85, 0.08);
}

static void test_same_text_same_sound(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    struct tts_request request = request_for(SENTENCE);
    pcm_auto first = speak(fixture, &request);
    pcm_auto second = speak(fixture, &request);
    g_assert_cmpfloat_with_epsilon((double)first.count, (double)second.count, (double)first.rate_hz / 50);
}

static void test_nothing_to_say(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    static const char *const texts[] = {"", "  ", "...", "\xe2\x80\x94 !"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct tts_request request = request_for(texts[i]);
        pcm_auto clip = speak(fixture, &request);
        g_assert_cmpuint(clip.count, ==, 0);
    }
}

static void test_odd_text_does_no_harm(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    static const char *const texts[] = {"<speak>hola</speak> & [[x]] %s %n",
                                        "\xf0\x9f\x98\x80 hola \xe4\xbb\x8a\xe5\xa4\xa9",
                                        "hola \xff\xfe mundo", "1234567890", "a"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct tts_request request = request_for(texts[i]);
        pcm_auto clip = speak(fixture, &request);
        g_assert_cmpuint(clip.count, >, 0);
    }
    test_a_sentence_is_spoken(user);
}

static void test_very_long_text(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len <= TTS_MAX_BYTES)
        g_string_append(text, SENTENCE " ");
    struct tts_request request = request_for(text->str);
    struct tts_result result = {0};
    struct dub_error error = {0};
    g_assert_false(tts_speak(fixture->tts, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TTS_SYNTHESIS_FAILED);
    /* Less is either spoken or refused, but it comes back. */
    g_string_truncate(text, TTS_MAX_BYTES / 2);
    request = request_for(text->str);
    bool done = tts_speak(fixture->tts, &request, &result, &error);
    g_assert_true(done || error.code == DUB_ERROR_TTS_SYNTHESIS_FAILED);
    g_assert_cmpint(pcm_duration_ms(&result.audio), <=, PCM_MAX_MS);
    tts_result_clear(&result);
    test_a_sentence_is_spoken(user);
}

static void test_bad_requests_are_refused(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    struct tts_result result = {0};
    struct dub_error error = {0};
    struct tts_request request = request_for(NULL);
    g_assert_false(tts_speak(fixture->tts, &request, &result, &error));
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    request = request_for(SENTENCE);
    request.rate = 5.0;
    g_assert_false(tts_speak(fixture->tts, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
    request = request_for(SENTENCE);
    request.language = "!";
    g_assert_false(tts_speak(fixture->tts, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR);
}

static void test_a_passed_deadline(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    struct tts_result result = {0};
    struct dub_error error = {0};
    struct tts_request request = request_for(SENTENCE);
    request.call.deadline_ns = contract_deadline_ns(-1);
    g_assert_false(tts_speak(fixture->tts, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpuint(result.audio.count, ==, 0);
}

/* Long text, so that a quick engine is caught in the middle of it too. */
static void test_a_cancel_is_obeyed(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len + 80 < TTS_MAX_BYTES / 8)
        g_string_append(text, SENTENCE " ");
    struct contract_canceller canceller;
    struct tts_result result = {0};
    struct tts_request request = request_for(text->str);
    contract_canceller_start(&canceller, 5);
    request.call.cancellable = canceller.cancellable;
    tts_speak(fixture->tts, &request, &result, NULL);
    int64_t end_ms = contract_now_ms();
    contract_canceller_join(&canceller);
    g_assert_cmpint(end_ms - canceller.cancelled_ms, <, CONTRACT_LATE_MS);
    tts_result_clear(&result);
    test_a_sentence_is_spoken(user);
}

static gpointer speak_in_thread(gpointer user)
{
    for (int i = 0; i < 5; i++)
        test_a_sentence_is_spoken(user);
    return NULL;
}

static void test_several_threads_at_a_time(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    GThread *threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("caller", speak_in_thread, (gpointer)user);
    for (int i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
}

/* Two at a time, and again after the first was closed: a library with one state per process must bear it. */
static void test_it_can_be_opened_again(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    for (int i = 0; i < 2; i++) {
        struct fixture second = open_fixture(fixture->engine, NULL);
        test_a_sentence_is_spoken(&second);
        tts_close(second.tts);
        test_a_sentence_is_spoken(fixture);
    }
}

static void test_it_describes_itself(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->tts && contract_skip(&fixture->error))
        return;
    struct engine_info info = {0};
    tts_describe(fixture->tts, &info);
    g_assert_cmpstr(info.name, ==, fixture->engine);
    g_assert_nonnull(info.model);
    g_assert_cmpuint(g_strv_length(info.languages), >, 0);
    g_assert_cmpuint(g_strv_length(info.voices), >, 0);
    g_assert_true(tts_supports(fixture->tts, "es-419"));
    g_assert_cmpint(tts_max_concurrency(fixture->tts), ==, 4);
    engine_info_clear(&info);
}

/* What speaks is named: profiles by their voice, another one without a word of it. */
static void test_the_voice_used_is_named(void)
{
    static const char text[] =
        "{\"voices\":{"
        "\"clara\":{\"language\":\"es\",\"engine\":\"espeak-ng\",\"model\":\"es\","
        "\"speaker\":\"f3\"},"
        "\"ghost\":{\"language\":\"es\",\"engine\":\"espeak-ng\",\"model\":\"none\"}}}";
    static const struct {
        const char *profile, *language, *ends;
    } cases[] = {{"clara", "es", " es+f3 (clara)"},
                 {"default", "es-MX", " es+f3 (clara)"},
                 {"ghost", "es", " es"},
                 {"clara", "fr", " fr"}};
    struct voices *voices = voices_parse(text, strlen(text), NULL);
    struct fixture fixture = open_fixture("espeak-ng", voices);
    for (gsize i = 0; fixture.tts && i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *used = tts_used(fixture.tts, cases[i].profile, cases[i].language);
        g_assert_true(g_str_has_prefix(used, "espeak-ng "));
        g_assert_true(g_str_has_suffix(used, cases[i].ends));
    }
    if (!fixture.tts)
        contract_skip(&fixture.error);
    tts_close(fixture.tts);
    voices_free(voices);
    struct fixture mock = open_fixture("mock", NULL);
    g_autofree char *used = tts_used(mock.tts, "default", "es");
    g_assert_cmpstr(used, ==, "mock");
    tts_close(mock.tts);
}

/* A profile whose voice is not installed speaks with the language's own, not with an error. */
static void test_a_missing_voice_does_not_silence(void)
{
    static const char *const text =
        "{\"voices\":{\"ghost\":{\"language\":\"es\",\"engine\":\"espeak-ng\",\"model\":\"no-such-voice\"}},"
        "\"defaults\":{\"es\":\"ghost\"}}";
    struct voices *voices = voices_parse(text, strlen(text), NULL);
    struct fixture fixture = open_fixture("espeak-ng", voices);
    if (fixture.tts || !contract_skip(&fixture.error))
        test_a_sentence_is_spoken(&fixture);
    tts_close(fixture.tts);
    voices_free(voices);
}

/* The file that we ship names no voice that the distribution does not have. */
static void test_shipped_voices_are_installed(void)
{
    struct dub_error error = {0};
    struct voices *voices = voices_load(g_getenv("STS_TEST_VOICES"), &error);
    g_assert_nonnull(voices);
    struct engine_config config = {.voices = voices};
    struct tts *tts = tts_open("espeak-ng", &config, &error);
    if (tts || !contract_skip(&error)) {
        struct engine_info info = {0};
        tts_describe(tts, &info);
        g_auto(GStrv) shipped = voices_profiles(voices, "espeak-ng");
        g_assert_cmpuint(g_strv_length(shipped), >=, 4);
        g_assert_true(g_strv_equal((const char *const *)info.voices, (const char *const *)shipped));
        engine_info_clear(&info);
    }
    tts_close(tts);
    voices_free(voices);
}

static void add(const struct fixture *fixture, const char *name, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/tts/%s/%s", fixture->engine, name);
    g_test_add_data_func(path, fixture, test);
}

static void add_suite(const struct fixture *fixture)
{
    add(fixture, "a-sentence-is-spoken", test_a_sentence_is_spoken);
    add(fixture, "the-clip-is-ready-for-air", test_the_clip_is_ready_for_air);
    add(fixture, "no-click-at-either-end", test_no_click_at_either_end);
    add(fixture, "the-rate-is-followed", test_the_rate_is_followed);
    add(fixture, "same-text-same-sound", test_same_text_same_sound);
    add(fixture, "nothing-to-say", test_nothing_to_say);
    add(fixture, "odd-text-does-no-harm", test_odd_text_does_no_harm);
    add(fixture, "very-long-text", test_very_long_text);
    add(fixture, "bad-requests-are-refused", test_bad_requests_are_refused);
    add(fixture, "a-passed-deadline", test_a_passed_deadline);
    add(fixture, "a-cancel-is-obeyed", test_a_cancel_is_obeyed);
    add(fixture, "several-threads-at-a-time", test_several_threads_at_a_time);
    add(fixture, "it-can-be-opened-again", test_it_can_be_opened_again);
    add(fixture, "it-describes-itself", test_it_describes_itself);
}

int main(int argc, char **argv)
{
    struct fixture fixtures[16];
    int count = 0;
    g_test_init(&argc, &argv, NULL);
    apis = fake_apis_new();
    struct voices *voices = voices_load(g_getenv("STS_TEST_VOICES"), NULL);
    g_assert_nonnull(voices);
    for (const struct engine_ops *const *ops = tts_engines; *ops; ops++) {
        fixtures[count] = open_fixture((*ops)->name, voices);
        add_suite(&fixtures[count++]);
    }
    g_test_add_func("/tts/espeak-ng/a-missing-voice-does-not-silence", test_a_missing_voice_does_not_silence);
    g_test_add_func("/tts/the-voice-used-is-named", test_the_voice_used_is_named);
    g_test_add_func("/tts/espeak-ng/shipped-voices-are-installed", test_shipped_voices_are_installed);
    int result = g_test_run();
    while (count > 0)
        tts_close(fixtures[--count].tts);
    voices_free(voices);
    fake_apis_free(apis);
    return result;
}
