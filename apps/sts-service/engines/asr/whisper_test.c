/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only whisper promises, with models that tests/tiny_whisper.py makes: each knows one thing to say. */
#include "../../audio/wav.h"
#include "../contract_support.h"
#include "asr.h"
#include "whisper_decoder.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SENTENCE "good evening and welcome to the news at ten"

struct fixture {
    char *folder; /* made for the test; the models' links and files in it */
    struct pcm speech;
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->folder = g_dir_make_tmp("sts-whisper-XXXXXX", NULL);
    g_assert_true(wav_read_file(g_getenv("STS_TEST_SPEECH"), &fixture->speech, NULL));
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GDir) listing = g_dir_open(fixture->folder, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(listing))) {
        g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
    pcm_clear(&fixture->speech);
}

static char *tiny(const char *kind)
{
    g_autofree char *name = g_strdup_printf("tiny-whisper-%s.bin", kind);
    return g_build_filename(g_getenv("STS_TEST_TINY_MODELS"), name, NULL);
}

static void link_as(const struct fixture *fixture, const char *kind, const char *name)
{
    g_autofree char *from = tiny(kind);
    g_autofree char *to = g_build_filename(fixture->folder, name, NULL);
    g_assert_no_errno(symlink(from, to));
}

static struct asr *open_tiny(const struct fixture *fixture, const char *kind)
{
    struct dub_error error = {0};
    g_autofree char *path = tiny(kind);
    struct engine_config config = {
        .model = path, .model_cache_dir = fixture->folder, .device = "cpu", .workers = 2};
    struct asr *asr = asr_open("whisper", &config, &error);
    if (!asr)
        g_error("%s", error.message);
    return asr;
}

static char *hear(struct asr *asr, const struct asr_request *request)
{
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    if (!asr_transcribe(asr, request, &transcript, &error))
        g_error("%s", error.message);
    char *text = g_steal_pointer(&transcript.text);
    asr_transcript_clear(&transcript);
    return text;
}

static void assert_heard(struct asr *asr, const struct asr_request *request, const char *expected)
{
    g_autofree char *text = hear(asr, request);
    g_assert_cmpstr(text, ==, expected);
}

/* asked: what the request says; heard: what the model took it for. */
static void assert_language(struct asr *asr, const struct pcm *audio, const char *asked, const char *heard)
{
    struct asr_request request = {.audio = audio, .language = asked};
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    g_assert_cmpstr(transcript.text, ==,
                    "Buenas noches, ma\xc3\xb1"
                    "ana.");
    g_assert_cmpstr(transcript.language, ==, heard);
    asr_transcript_clear(&transcript);
}

static void test_language_given_or_detected(struct fixture *fixture, gconstpointer user)
{
    struct asr *asr = open_tiny(fixture, "spanish");
    assert_language(asr, &fixture->speech, "es-MX", "es");
    assert_language(asr, &fixture->speech, "ca", "ca");
    assert_language(asr, &fixture->speech, ENGINE_LANGUAGE_UNKNOWN, "es");
    g_assert_true(asr_supports(asr, "ja"));
    g_assert_false(asr_supports(asr, "xx"));
    asr_close(asr);

    asr = open_tiny(fixture, "speech");
    g_assert_false(asr_supports(asr, "es"));
    g_assert_false(asr_supports(asr, ENGINE_LANGUAGE_UNKNOWN));
    asr_close(asr);
}

static void test_what_was_said_before_is_context(struct fixture *fixture, gconstpointer user)
{
    struct asr *asr = open_tiny(fixture, "context");
    struct asr_request request = {.audio = &fixture->speech, .language = "en", .call = {.session_id = "one"}};
    assert_heard(asr, &request, "hello");
    request.call.fragment = 1;
    assert_heard(asr, &request, "again");
    request.call.session_id = "two";
    assert_heard(asr, &request, "hello");
    request.call.session_id = NULL;
    assert_heard(asr, &request, "hello");
    asr_forget(asr, "one");
    request.call.session_id = "one";
    assert_heard(asr, &request, "hello");
    asr_close(asr);
}

static void test_hints_are_context(struct fixture *fixture, gconstpointer user)
{
    static const char *const hints[] = {"hello again", NULL};
    struct asr *asr = open_tiny(fixture, "context");
    struct asr_request request = {.audio = &fixture->speech, .language = "en", .hints = hints};
    assert_heard(asr, &request, "again");
    asr_close(asr);
}

static void test_a_warm_up_leaves_no_context(struct fixture *fixture, gconstpointer user)
{
    struct asr *asr = open_tiny(fixture, "context");
    struct asr_request request = {.audio = &fixture->speech,
                                  .language = "en",
                                  .call = {.session_id = "one", .fragment = ENGINE_CALL_WARM_UP}};
    assert_heard(asr, &request, "hello");
    assert_heard(asr, &request, "hello");
    asr_close(asr);
}

static void assert_no_speech(struct asr *asr, const struct pcm *audio)
{
    struct asr_request request = {.audio = audio, .language = "en"};
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    g_assert_true(transcript.no_speech);
    g_assert_cmpstr(transcript.text, ==, "");
    g_assert_cmpuint(transcript.words->len, ==, 0);
    asr_transcript_clear(&transcript);
}

static void test_words_for_what_nobody_said(struct fixture *fixture, gconstpointer user)
{
    struct asr *asr = open_tiny(fixture, "nobody");
    assert_no_speech(asr, &fixture->speech);
    asr_close(asr);
}

static void test_a_loop_ends_and_is_not_gone_on_with(struct fixture *fixture, gconstpointer user)
{
    struct asr *asr = open_tiny(fixture, "loop");
    struct asr_request request = {.audio = &fixture->speech, .language = "en", .call = {.session_id = "one"}};
    g_autofree char *first = hear(asr, &request);
    /* 12 tokens a second and 16 more. */
    g_assert_cmpuint(strlen(first), <, (gsize)(pcm_duration_ms(&fixture->speech) * 12 / 1000 + 16) * 8);
    g_assert_true(g_str_has_prefix(first, "good evening good evening"));
    request.call.fragment = 1;
    assert_heard(asr, &request, first);
    asr_close(asr);
}

static void test_its_voice_model_is_asked(struct fixture *fixture, gconstpointer user)
{
    struct asr_request request = {.audio = &fixture->speech, .language = "en"};
    link_as(fixture, "voices", "ggml-silero-v6.2.0.bin");
    struct asr *asr = open_tiny(fixture, "speech");
    assert_heard(asr, &request, SENTENCE);
    asr_close(asr);
    link_as(fixture, "silence", "ggml-silero-v7.0.0.bin");
    asr = open_tiny(fixture, "speech");
    assert_no_speech(asr, &fixture->speech);
    asr_close(asr);
}

static void assert_refused(const struct fixture *fixture, const char *model, enum dub_error_code code,
                           const char *why)
{
    struct engine_config config = {.model = model, .model_cache_dir = fixture->folder, .workers = 1};
    struct dub_error error = {0};
    g_assert_null(asr_open("whisper", &config, &error));
    g_assert_cmpint(error.code, ==, code);
    if (!strstr(error.message, why))
        g_error("\"%s\" has no \"%s\"", error.message, why);
}

/* A copy of the tiny model, of that size, with one byte more than it was at `at`. */
static char *spoilt(const struct fixture *fixture, gsize size, gsize at)
{
    g_autofree char *path = tiny("speech");
    g_autofree char *data = NULL;
    gsize whole;
    char *copy = g_build_filename(fixture->folder, "spoilt.bin", NULL);
    g_assert_true(g_file_get_contents(path, &data, &whole, NULL));
    data[at] = (char)(data[at] + 1);
    g_assert_true(g_file_set_contents(copy, data, (gssize)MIN(size, whole), NULL));
    return copy;
}

static void test_files_that_are_not_whole(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *half = spoilt(fixture, 1000000, 1000001);
    assert_refused(fixture, half, DUB_ERROR_UNAVAILABLE, "is cut short");
    g_autofree char *magic = spoilt(fixture, G_MAXSIZE, 0);
    assert_refused(fixture, magic, DUB_ERROR_UNAVAILABLE, "no model of whisper.cpp");
    assert_refused(fixture, "none.bin", DUB_ERROR_UNAVAILABLE, "STS_ASR_MODEL");
    assert_refused(fixture, fixture->folder, DUB_ERROR_UNAVAILABLE, "is a folder");
    assert_refused(fixture, NULL, DUB_ERROR_UNAVAILABLE, fixture->folder);
}

/* Whole, but with a tensor that the library does not know: it says so, and nothing else happens. */
static void test_a_model_that_the_library_refuses(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = tiny("speech");
    g_autofree char *data = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    char *name = memmem(data, size, "decoder.ln.weight", 17);
    g_assert_nonnull(name);
    name[8] = 'x';
    g_autofree char *copy = g_build_filename(fixture->folder, "other.bin", NULL);
    g_assert_true(g_file_set_contents(copy, data, (gssize)size, NULL));
    assert_refused(fixture, copy, DUB_ERROR_UNAVAILABLE, "cannot be loaded by whisper.cpp");
}

static void test_half_a_voice_model_is_named(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = g_build_filename(fixture->folder, "ggml-silero-v6.2.0.bin", NULL);
    g_assert_true(g_file_set_contents(path, "lmgg", 4, NULL));
    g_autofree char *model = tiny("speech");
    assert_refused(fixture, model, DUB_ERROR_UNAVAILABLE, "ggml-silero-v6.2.0.bin");
}

static void test_a_gpu_that_is_not_there(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = tiny("speech");
    struct dub_error error = {0};
    struct whisper_model *model = whisper_model_load(path, NULL, "cuda", 1, &error);
    if (model) {
        g_assert_nonnull(whisper_model_gpu(model));
        whisper_model_free(model);
        return;
    }
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "STS_DEVICE"));
}

/* Decoders on one model, used at the same time by threads of their own, and one after the other by many. */
static void test_two_decoders_on_one_model(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = tiny("speech");
    struct whisper_model *model = whisper_model_load(path, NULL, "cpu", 1, NULL);
    struct whisper_decoder *decoders[2];
    pcm_auto clip = pcm_silence(WHISPER_RATE_HZ, 1000);
    int abandoned = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(decoders); i++)
        decoders[i] = whisper_decoder_new(model, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct whisper_task task = {.audio = &clip, .language = "en", .abandoned = &abandoned};
        struct asr_transcript transcript = {0};
        g_assert_true(whisper_decoder_run(decoders[i % 2], &task, &transcript, NULL));
        g_assert_cmpstr(transcript.text, ==, SENTENCE);
        asr_transcript_clear(&transcript);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(decoders); i++)
        whisper_decoder_free(decoders[i]);
    whisper_model_free(model);
}

static void test_what_nobody_waits_for_is_dropped(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = tiny("speech");
    struct whisper_model *model = whisper_model_load(path, NULL, "cpu", 1, NULL);
    struct whisper_decoder *decoder = whisper_decoder_new(model, NULL);
    pcm_auto clip = pcm_silence(WHISPER_RATE_HZ, 60000);
    int abandoned = 1;
    struct whisper_task task = {.audio = &clip, .language = "en", .abandoned = &abandoned};
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    g_assert_false(whisper_decoder_run(decoder, &task, &transcript, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    asr_transcript_clear(&transcript);
    whisper_decoder_free(decoder);
    whisper_model_free(model);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/whisper/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("language-given-or-detected", test_language_given_or_detected);
    ADD("what-was-said-before-is-context", test_what_was_said_before_is_context);
    ADD("hints-are-context", test_hints_are_context);
    ADD("a-warm-up-leaves-no-context", test_a_warm_up_leaves_no_context);
    ADD("words-for-what-nobody-said", test_words_for_what_nobody_said);
    ADD("a-loop-ends-and-is-not-gone-on-with", test_a_loop_ends_and_is_not_gone_on_with);
    ADD("its-voice-model-is-asked", test_its_voice_model_is_asked);
    ADD("files-that-are-not-whole", test_files_that_are_not_whole);
    ADD("a-model-that-the-library-refuses", test_a_model_that_the_library_refuses);
    ADD("half-a-voice-model-is-named", test_half_a_voice_model_is_named);
    ADD("a-gpu-that-is-not-there", test_a_gpu_that_is_not_there);
    ADD("two-decoders-on-one-model", test_two_decoders_on_one_model);
    ADD("what-nobody-waits-for-is-dropped", test_what_nobody_waits_for_is_dropped);
    return g_test_run();
}
