/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every recogniser keeps, run on the mock and on what is installed. Speech is made by flite's voice,
 * stored beside. */
#include "../../audio/resample.h"
#include "../../audio/wav.h"
#include "../contract_support.h"
#include "../http/fake_apis.h"
#include "asr.h"
#include <math.h>
#include <string.h>

#define SENTENCE "good evening and welcome to the news at ten"
#define THREADS 4

/* One per engine for the whole run: loading a model takes a second. */
struct fixture {
    const char *engine;
    struct asr *asr; /* NULL: not installed */
    struct pcm speech;
    struct dub_error error;
};

static struct fixture open_fixture(const char *engine, const struct engine_providers *providers)
{
    struct engine_config config = {.workers = 2,
                                   .providers = providers,

                                   .model = contract_model(engine),
                                   .mock_text = SENTENCE,
                                   .mock_delay_ns = 50 * DUB_NS_PER_MS};
    struct fixture fixture = {.engine = engine};
    g_assert_true(wav_read_file(g_getenv("STS_TEST_SPEECH"), &fixture.speech, NULL));
    fixture.asr = asr_open(engine, &config, &fixture.error);
    return fixture;
}

static void close_fixture(struct fixture *fixture)
{
    asr_close(fixture->asr);
    pcm_clear(&fixture->speech);
}

static struct asr_request request_for(const struct pcm *audio)
{
    return (struct asr_request){.audio = audio, .language = "en"};
}

static void test_speech_is_recognised(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    struct asr_request request = request_for(&fixture->speech);
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(fixture->asr, &request, &transcript, NULL));
    g_assert_cmpstr(transcript.text, ==, SENTENCE);
    g_assert_false(transcript.no_speech);
    g_assert_cmpfloat(transcript.confidence, >, 0.0);
    g_assert_cmpfloat(transcript.confidence, <=, 1.0);
    g_assert_cmpfloat(transcript.took_ms, >, 0.0);
    asr_transcript_clear(&transcript);
    asr_transcript_clear(&transcript);
}

static void test_word_times_are_in_order_and_inside(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    struct asr_request request = request_for(&fixture->speech);
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(fixture->asr, &request, &transcript, NULL));
    int64_t last_ms = 0;
    for (guint i = 0; i < transcript.words->len; i++) {
        const struct asr_word *word = &g_array_index(transcript.words, struct asr_word, i);
        g_assert_cmpint(word->start_ms, >=, last_ms);
        g_assert_cmpint(word->end_ms, >, word->start_ms);
        g_assert_cmpint(word->end_ms, <=, pcm_duration_ms(&fixture->speech) + 20);
        g_assert_cmpfloat(word->confidence, >=, 0.0);
        g_assert_cmpfloat(word->confidence, <=, 1.0);
        last_ms = word->end_ms;
    }
    g_assert_cmpuint(transcript.words->len, ==, 9);
    asr_transcript_clear(&transcript);
}

/* A pause before the words moves their times and nothing else; the mock does not listen that closely. */
static void test_a_pause_moves_the_words(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    if (strcmp(fixture->engine, "mock") == 0)
        return;
    const int64_t pause_ms = 2000;
    pcm_auto clip = pcm_silence(fixture->speech.rate_hz, pause_ms + pcm_duration_ms(&fixture->speech));
    size_t pause = (size_t)(pause_ms * clip.rate_hz / 1000);
    memcpy(clip.samples + pause, fixture->speech.samples, (clip.count - pause) * sizeof(int16_t));
    struct asr_request request = request_for(&clip);
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(fixture->asr, &request, &transcript, NULL));
    g_assert_true(g_str_has_suffix(transcript.text, "welcome to the news at ten"));
    const struct asr_word *last =
        &g_array_index(transcript.words, struct asr_word, transcript.words->len - 1);
    g_assert_cmpint(last->end_ms, >, pcm_duration_ms(&clip) - 600);
    g_assert_cmpint(last->end_ms, <=, pcm_duration_ms(&clip) + 20);
    asr_transcript_clear(&transcript);
}

static void test_any_sample_rate(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    pcm_auto resampled = {0};
    struct asr_transcript transcript = {0};
    g_assert_true(pcm_resample(&fixture->speech, 48000, &resampled, NULL));
    struct asr_request request = request_for(&resampled);
    g_assert_true(asr_transcribe(fixture->asr, &request, &transcript, NULL));
    g_assert_cmpstr(transcript.text, ==, SENTENCE);
    asr_transcript_clear(&transcript);
}

static void assert_no_speech(const struct fixture *fixture, const struct pcm *audio)
{
    struct asr_request request = request_for(audio);
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    g_assert_true(asr_transcribe(fixture->asr, &request, &transcript, &error));
    g_assert_true(transcript.no_speech);
    g_assert_cmpstr(transcript.text, ==, "");
    g_assert_cmpuint(transcript.words->len, ==, 0);
    asr_transcript_clear(&transcript);
}

static void test_silence_is_no_speech(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    pcm_auto silence = pcm_silence(24000, 1500);
    assert_no_speech(fixture, &silence);
    pcm_auto instant = pcm_silence(16000, 1);
    assert_no_speech(fixture, &instant);
}

static void test_bad_requests_are_refused(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    struct pcm empty = {.rate_hz = 16000};
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    struct asr_request request = request_for(&empty);
    g_assert_false(asr_transcribe(fixture->asr, &request, &transcript, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    request = request_for(&fixture->speech);
    request.language = "not a language";
    g_assert_false(asr_transcribe(fixture->asr, &request, &transcript, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_ASR);
}

/* Long enough for every engine to be in the middle of it. */
static struct pcm long_speech(const struct pcm *speech)
{
    const size_t times = 12;
    struct pcm clip = {.samples = g_new(int16_t, speech->count * times), .rate_hz = speech->rate_hz};
    for (size_t i = 0; i < times; i++, clip.count += speech->count)
        memcpy(clip.samples + clip.count, speech->samples, speech->count * sizeof(int16_t));
    return clip;
}

static void test_a_deadline_is_kept(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    pcm_auto clip = long_speech(&fixture->speech);
    struct asr_request request = request_for(&clip);
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    int64_t start_ms = contract_now_ms();
    request.call.deadline_ns = contract_deadline_ns(30);
    g_assert_false(asr_transcribe(fixture->asr, &request, &transcript, &error));
    g_assert_cmpint(contract_now_ms() - start_ms, <, 30 + CONTRACT_LATE_MS);
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_true(error.retryable);
    asr_transcript_clear(&transcript);
}

static void test_a_cancel_is_obeyed(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    pcm_auto clip = long_speech(&fixture->speech);
    struct contract_canceller canceller;
    struct asr_request request = request_for(&clip);
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    contract_canceller_start(&canceller, 20);
    request.call.cancellable = canceller.cancellable;
    g_assert_false(asr_transcribe(fixture->asr, &request, &transcript, &error));
    int64_t end_ms = contract_now_ms();
    contract_canceller_join(&canceller);
    g_assert_cmpint(end_ms - canceller.cancelled_ms, <, CONTRACT_LATE_MS);
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    /* The engine is fit for the next. */
    test_speech_is_recognised(fixture);
}

static void test_cancelled_before_it_began(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    struct asr_request request = request_for(&fixture->speech);
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    request.call.cancellable = cancellable;
    g_assert_false(asr_transcribe(fixture->asr, &request, &transcript, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
}

static gpointer transcribe_in_thread(gpointer user)
{
    const struct fixture *fixture = user;
    struct asr_request request = request_for(&fixture->speech);
    struct asr_transcript transcript = {0};
    request.call.session_id = "shared";
    g_assert_true(asr_transcribe(fixture->asr, &request, &transcript, NULL));
    char *text = g_steal_pointer(&transcript.text);
    asr_transcript_clear(&transcript);
    return text;
}

static void test_several_threads_at_a_time(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    GThread *threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("caller", transcribe_in_thread, (gpointer)user);
    for (int i = 0; i < THREADS; i++) {
        g_autofree char *text = g_thread_join(threads[i]);
        g_assert_cmpstr(text, ==, SENTENCE);
    }
}

static void test_it_describes_itself(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->asr && contract_skip(&fixture->error))
        return;
    struct engine_info info = {0};
    asr_describe(fixture->asr, &info);
    g_assert_cmpstr(info.name, ==, fixture->engine);
    g_assert_nonnull(info.model);
    g_assert_cmpuint(g_strv_length(info.languages), >, 0);
    g_assert_cmpint(asr_max_concurrency(fixture->asr), ==, 2);
    g_assert_true(asr_supports(fixture->asr, "en-US"));
    g_assert_false(asr_supports(fixture->asr, NULL));
    engine_info_clear(&info);
}

static void add(const struct fixture *fixture, const char *name, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/asr/%s/%s", fixture->engine, name);
    g_test_add_data_func(path, fixture, test);
}

static void add_suite(const struct fixture *fixture)
{
    add(fixture, "speech-is-recognised", test_speech_is_recognised);
    add(fixture, "word-times-are-in-order-and-inside", test_word_times_are_in_order_and_inside);
    add(fixture, "a-pause-moves-the-words", test_a_pause_moves_the_words);
    add(fixture, "any-sample-rate", test_any_sample_rate);
    add(fixture, "silence-is-no-speech", test_silence_is_no_speech);
    add(fixture, "bad-requests-are-refused", test_bad_requests_are_refused);
    add(fixture, "a-deadline-is-kept", test_a_deadline_is_kept);
    add(fixture, "a-cancel-is-obeyed", test_a_cancel_is_obeyed);
    add(fixture, "cancelled-before-it-began", test_cancelled_before_it_began);
    add(fixture, "several-threads-at-a-time", test_several_threads_at_a_time);
    add(fixture, "it-describes-itself", test_it_describes_itself);
}

int main(int argc, char **argv)
{
    struct fixture fixtures[16];
    struct fake_apis *apis = fake_apis_new();
    int count = 0;
    g_test_init(&argc, &argv, NULL);
    for (const struct engine_ops *const *ops = asr_engines; *ops; ops++) {
        fixtures[count] = open_fixture((*ops)->name, fake_apis_providers(apis));
        add_suite(&fixtures[count++]);
    }
    int result = g_test_run();
    while (count > 0)
        close_fixture(&fixtures[--count]);
    fake_apis_free(apis);
    return result;
}
