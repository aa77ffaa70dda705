/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mock engines as STS_*_MODEL sets them up. */
#include "../audio/wav.h"
#include "asr/asr.h"
#include "contract_support.h"
#include "mock_spec.h"
#include "translation/translation.h"
#include "tts/tts.h"
#include <glib/gstdio.h>
#include <string.h>

struct fixture {
    char *folder;
    struct pcm sound;
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->folder = g_dir_make_tmp("mock-XXXXXX", NULL);
    fixture->sound = pcm_silence(16000, 500);
    for (size_t i = 0; i < fixture->sound.count; i++)
        fixture->sound.samples[i] = i / 20 % 2 ? 9000 : -9000;
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GDir) dir = g_dir_open(fixture->folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
    pcm_clear(&fixture->sound);
}

static char *put(const struct fixture *fixture, const char *name, const char *content)
{
    char *path = g_build_filename(fixture->folder, name, NULL);
    g_assert_true(g_file_set_contents(path, content, -1, NULL));
    return path;
}

static struct asr *open_asr(const char *model)
{
    struct engine_config config = {.model = model};
    struct dub_error error = {0};
    struct asr *asr = asr_open("mock", &config, &error);
    g_assert_cmpstr(error.message, ==, "");
    return asr;
}

static struct translation *open_translation(const char *model)
{
    struct engine_config config = {.model = model};
    struct dub_error error = {0};
    struct translation *translation = translation_open("mock", &config, &error);
    g_assert_cmpstr(error.message, ==, "");
    return translation;
}

static void assert_heard(struct asr *asr, const struct fixture *fixture, int64_t fragment,
                         const char *expected)
{
    struct asr_request request = {.audio = &fixture->sound, .language = "en", .call.fragment = fragment};
    struct asr_transcript transcript = {0};
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    g_assert_cmpstr(transcript.text, ==, expected);
    g_assert_cmpint(transcript.no_speech, ==, *expected == '\0');
    asr_transcript_clear(&transcript);
}

static void test_a_fixed_text(struct fixture *fixture, gconstpointer user)
{
    struct asr *asr = open_asr("text=one\\; two ; delay=1ms");
    assert_heard(asr, fixture, 7, "one; two");
    asr_close(asr);
}

static void test_a_language_that_is_found_out(struct fixture *fixture, gconstpointer user)
{
    struct asr_request request = {.audio = &fixture->sound, .language = "und"};
    struct asr_transcript transcript = {0};
    struct dub_error error = {0};
    struct asr *asr = open_asr("language=es-MX");
    g_assert_true(asr_supports(asr, "und"));
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    g_assert_cmpstr(transcript.language, ==, "es");
    request.language = "en";
    g_assert_true(asr_transcribe(asr, &request, &transcript, NULL));
    g_assert_cmpstr(transcript.language, ==, "");
    asr_close(asr);
    /* Others cannot, and say so before anything is sent. */
    asr = open_asr("text=one");
    request.language = "und";
    g_assert_false(asr_supports(asr, "und"));
    g_assert_false(asr_transcribe(asr, &request, &transcript, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR);
    asr_transcript_clear(&transcript);
    asr_close(asr);
}

static void test_a_text_per_fragment(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *model = g_strconcat("fixture=", fixture->folder, NULL);
    g_autofree char *zero = put(fixture, "0.txt", "the first\n");
    g_autofree char *two = put(fixture, "2.txt", "the third");
    struct asr *asr = open_asr(model);
    assert_heard(asr, fixture, 0, "the first");
    assert_heard(asr, fixture, 1, "");
    assert_heard(asr, fixture, 2, "the third");
    asr_close(asr);
}

static void test_a_text_per_sound(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *hash = g_compute_checksum_for_data(
        G_CHECKSUM_SHA256, (const guchar *)fixture->sound.samples, fixture->sound.count * sizeof(int16_t));
    g_autofree char *json = g_strdup_printf("{\"sha256:%s\":\"by sound\",\"#3\":\"by number\"}", hash);
    g_autofree char *path = put(fixture, "dict.json", json);
    g_autofree char *model = g_strconcat("dict=", path, NULL);
    struct asr *asr = open_asr(model);
    assert_heard(asr, fixture, 3, "by sound");
    fixture->sound.samples[0]++;
    assert_heard(asr, fixture, 3, "by number");
    assert_heard(asr, fixture, 4, "");
    asr_close(asr);
}

static char *translate(struct translation *translation, const char *text, int64_t fragment,
                       struct dub_error *error)
{
    struct translation_request request = {
        .text = text, .source_language = "en", .target_language = "es", .call.fragment = fragment};
    struct translation_result result = {0};
    translation_translate(translation, &request, &result, error);
    return g_steal_pointer(&result.text);
}

static void assert_translated(struct translation *translation, const char *text, const char *expected)
{
    g_autofree char *translated = translate(translation, text, 0, NULL);
    g_assert_cmpstr(translated, ==, expected);
}

static void test_a_dictionary(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path =
        put(fixture, "dict.json", "{\"Good evening.\":\"Buenas noches.\",\"dog\":\"perro\",\"The\":\"el\"}");
    g_autofree char *model = g_strconcat("dict=", path, NULL);
    struct translation *translation = open_translation(model);
    assert_translated(translation, "good Evening.", "Buenas noches.");
    assert_translated(translation, "The dog, the cat.", "el perro, el cat.");
    translation_close(translation);
}

static void test_translations_per_fragment(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *model = g_strconcat("fixture=", fixture->folder, NULL);
    g_autofree char *zero = put(fixture, "0.txt", "lo primero\n");
    struct translation *translation = open_translation(model);
    assert_translated(translation, "anything", "lo primero");
    g_autofree char *other = translate(translation, "anything", 1, NULL);
    g_assert_cmpstr(other, ==, "[en-es] anything");
    translation_close(translation);
}

static bool fails(struct translation *translation, int64_t fragment, struct dub_error *error)
{
    *error = (struct dub_error){0};
    g_autofree char *text = translate(translation, "hello", fragment, error);
    return text == NULL;
}

static void assert_failures(const char *model, const char *expected, enum dub_error_code code)
{
    struct translation *translation = open_translation(model);
    struct dub_error error;
    for (int64_t i = 0; expected[i] != '\0'; i++) {
        g_assert_cmpint(fails(translation, i, &error), ==, expected[i] == 'x');
        g_assert_cmpint(error.code, ==, expected[i] == 'x' ? code : DUB_ERROR_NONE);
    }
    translation_close(translation);
}

static void test_failures(struct fixture *fixture, gconstpointer user)
{
    assert_failures("fail=always", "xxx", DUB_ERROR_TRANSLATION_FAILED);
    assert_failures("fail=never", "...", DUB_ERROR_NONE);
    assert_failures("fail=every:3;error=TIMEOUT", "..x..x.", DUB_ERROR_TIMEOUT);
    assert_failures("error=MODEL_ERROR;fail=first:2", "xx..", DUB_ERROR_MODEL_ERROR);
    assert_failures("fail=fragment:1", ".x..", DUB_ERROR_TRANSLATION_FAILED);
}

static void test_warm_ups_are_free(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_translation("fail=first:1;delay=10m");
    struct dub_error error;
    g_assert_false(fails(translation, ENGINE_CALL_WARM_UP, &error));
    translation_close(translation);
    translation = open_translation("fail=first:1");
    g_assert_false(fails(translation, ENGINE_CALL_WARM_UP, &error));
    g_assert_true(fails(translation, 0, &error));
    translation_close(translation);
}

static void test_a_slow_one_obeys_its_terms(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_translation("delay=10m");
    struct translation_request request = {.text = "hello", .source_language = "en", .target_language = "es"};
    struct translation_result result = {0};
    struct dub_error error = {0};
    request.call.deadline_ns = contract_deadline_ns(20);
    int64_t start_ms = contract_now_ms();
    g_assert_false(translation_translate(translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(contract_now_ms() - start_ms, <, 20 + CONTRACT_LATE_MS);

    struct contract_canceller canceller;
    contract_canceller_start(&canceller, 5);
    request.call = (struct engine_call){.cancellable = canceller.cancellable};
    g_assert_false(translation_translate(translation, &request, &result, &error));
    int64_t end_ms = contract_now_ms();
    contract_canceller_join(&canceller);
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_cmpint(end_ms - canceller.cancelled_ms, <, CONTRACT_LATE_MS);
    translation_close(translation);
}

static struct pcm speak(struct tts *tts, const char *text, double rate, int64_t fragment,
                        struct dub_error *error)
{
    struct tts_request request = {.text = text, .language = "es", .rate = rate, .call.fragment = fragment};
    struct tts_result result = {0};
    tts_speak(tts, &request, &result, error);
    return result.audio;
}

static struct tts *open_tts(const char *model)
{
    struct engine_config config = {.model = model};
    struct dub_error error = {0};
    struct tts *tts = tts_open("mock", &config, &error);
    g_assert_cmpstr(error.message, ==, "");
    return tts;
}

static int zero_crossings(const struct pcm *clip)
{
    int crossings = 0;
    for (size_t i = 1; i < clip->count; i++)
        crossings += (clip->samples[i - 1] < 0) != (clip->samples[i] < 0);
    return crossings;
}

static void test_a_tone(struct fixture *fixture, gconstpointer user)
{
    struct tts *tts = open_tts("tone=1000;pace=100");
    pcm_auto clip = speak(tts, "0123456789", 1.0, 0, NULL);
    g_assert_cmpint(ABS(pcm_duration_ms(&clip) - 1000), <, 40);
    g_assert_cmpint(ABS(zero_crossings(&clip) - 2000), <, 20);
    pcm_auto fast = speak(tts, "0123456789", 2.0, 0, NULL);
    g_assert_cmpint(ABS(pcm_duration_ms(&fast) - 500), <, 40);
    tts_close(tts);
}

static void test_a_recording_per_fragment(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *model = g_strconcat("fixture=", fixture->folder, NULL);
    g_autofree char *path = g_build_filename(fixture->folder, "4.wav", NULL);
    struct dub_error error = {0};
    g_assert_true(wav_write_file(path, &fixture->sound, NULL));
    struct tts *tts = open_tts(model);
    pcm_auto clip = speak(tts, "hola", 1.25, 4, NULL);
    g_assert_cmpint(clip.rate_hz, ==, 16000);
    g_assert_cmpuint(clip.count, ==, fixture->sound.count);
    pcm_auto none = speak(tts, "hola", 1.0, 5, &error);
    g_assert_cmpuint(none.count, ==, 0);
    g_assert_cmpint(error.code, ==, DUB_ERROR_TTS_SYNTHESIS_FAILED);
    g_assert_nonnull(strstr(error.message, "5.wav"));
    tts_close(tts);
}

/* What the message of a start that fails must say. */
static void assert_refused(enum dub_stage stage, const char *model, const char *const *says)
{
    struct engine_config config = {.model = model};
    struct dub_error error = {0};
    if (stage == DUB_STAGE_ASR)
        g_assert_null(asr_open("mock", &config, &error));
    else if (stage == DUB_STAGE_TRANSLATION)
        g_assert_null(translation_open("mock", &config, &error));
    else
        g_assert_null(tts_open("mock", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    for (; *says; says++)
        if (!strstr(error.message, *says))
            g_error("\"%s\" does not say \"%s\"", error.message, *says);
}

#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_bad_settings_are_refused(struct fixture *fixture, gconstpointer user)
{
    assert_refused(DUB_STAGE_ASR, "hello", SAYS("STS_ASR_MODEL", "\"hello\"", "text=TEXT", "fixture=FOLDER"));
    assert_refused(DUB_STAGE_ASR, "tone=5", SAYS("\"tone=5\"", "allowed"));
    assert_refused(DUB_STAGE_TTS, "text=x", SAYS("STS_TTS_MODEL", "tone=HZ", "pace=MS"));
    assert_refused(DUB_STAGE_TTS, "tone=5;pace=x", SAYS("tone=5", "20 to 8000", "pace=x"));
    assert_refused(DUB_STAGE_TRANSLATION, "delay=soon;fail=often;error=OOPS",
                   SAYS("delay=soon", "fail=often", "error=OOPS"));
    assert_refused(DUB_STAGE_TRANSLATION, "fail=every:0", SAYS("fail=every=0"));
    assert_refused(DUB_STAGE_TRANSLATION, "delay=11m", SAYS("up to 10m"));
    assert_refused(DUB_STAGE_TRANSLATION, "text=", SAYS("text has no value"));
    assert_refused(DUB_STAGE_TRANSLATION, "fixture=/no/such/folder", SAYS("/no/such/folder"));
    assert_refused(DUB_STAGE_TRANSLATION, "dict=/no/such/file", SAYS("/no/such/file"));
    assert_refused(DUB_STAGE_TRANSLATION, "text=\xff", SAYS("UTF-8"));
    g_autofree char *list = put(fixture, "list.json", "[]");
    g_autofree char *as_list = g_strconcat("dict=", list, NULL);
    assert_refused(DUB_STAGE_ASR, as_list, SAYS("no JSON object"));
    g_autofree char *numbers = put(fixture, "numbers.json", "{\"x\":1,\"y\":2}");
    g_autofree char *as_numbers = g_strconcat("dict=", numbers, NULL);
    assert_refused(DUB_STAGE_ASR, as_numbers, SAYS("\"x\"", "\"y\""));
    assert_refused(DUB_STAGE_ASR, "language=1", SAYS("language=1: a code such as en"));
    g_autofree char *longer = g_strnfill(MOCK_SPEC_MAX_BYTES + 1, ';');
    assert_refused(DUB_STAGE_ASR, longer, SAYS("4096"));
}

static void add(const char *path, void (*test)(struct fixture *, gconstpointer))
{
    g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/mock/a-fixed-text", test_a_fixed_text);
    add("/mock/a-language-that-is-found-out", test_a_language_that_is_found_out);
    add("/mock/a-text-per-fragment", test_a_text_per_fragment);
    add("/mock/a-text-per-sound", test_a_text_per_sound);
    add("/mock/a-dictionary", test_a_dictionary);
    add("/mock/translations-per-fragment", test_translations_per_fragment);
    add("/mock/failures", test_failures);
    add("/mock/warm-ups-are-free", test_warm_ups_are_free);
    add("/mock/a-slow-one-obeys-its-terms", test_a_slow_one_obeys_its_terms);
    add("/mock/a-tone", test_a_tone);
    add("/mock/a-recording-per-fragment", test_a_recording_per_fragment);
    add("/mock/bad-settings-are-refused", test_bad_settings_are_refused);
    return g_test_run();
}
