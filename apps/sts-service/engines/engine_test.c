/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Languages, the terms of a call, and which engine is chosen. */
#include "asr/asr.h"
#include "engine.h"
#include "translation/translation.h"
#include "tts/tts.h"
#include <string.h>

static void assert_base(const char *code, const char *expected)
{
    g_autofree char *base = engine_language_base(code);
    g_assert_cmpstr(base, ==, expected);
}

static void test_language_codes(void)
{
    assert_base("es", "es");
    assert_base("es-MX", "es");
    assert_base("ES_mx", "es");
    assert_base("spa", "es");
    assert_base("eng_US", "en");
    assert_base("yue", "yue");
    assert_base("zh-Hant-TW", "zh");
}

static void test_what_is_no_language_code(void)
{
    assert_base(NULL, NULL);
    assert_base("", NULL);
    assert_base("e", NULL);
    assert_base("-es", NULL);
    assert_base("e s", NULL);
    assert_base("../etc", NULL);
    assert_base("es;rm", NULL);
    assert_base("abcdefghijklmnopqrstuvwxyzabcdefghij", NULL);
}

static void test_language_matches(void)
{
    g_assert_true(engine_language_matches("es-419", "es"));
    g_assert_true(engine_language_matches("spa", "es"));
    g_assert_false(engine_language_matches("est", "es"));
    g_assert_false(engine_language_matches(NULL, "es"));
}

static void test_a_call_without_terms_goes_on(void)
{
    struct engine_call call = {0};
    g_assert_true(engine_call_go_on(&call, DUB_STAGE_ASR, NULL));
    g_assert_cmpint(engine_call_left_ms(&call, 500), ==, 500);
    g_assert_true(engine_call_sleep(&call, DUB_NS_PER_MS, DUB_STAGE_ASR, NULL));
}

static void test_a_call_past_its_deadline(void)
{
    struct engine_call call = {.deadline_ns = 1};
    struct dub_error error = {0};
    g_assert_false(engine_call_go_on(&call, DUB_STAGE_TTS, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TTS);
    g_assert_cmpint(engine_call_left_ms(&call, 500), ==, 0);
    g_assert_false(engine_call_sleep(&call, 10 * DUB_NS_PER_S, DUB_STAGE_TTS, NULL));
}

static void test_left_is_bounded_by_the_deadline(void)
{
    struct engine_call call = {.deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + 40 * DUB_NS_PER_S};
    g_assert_cmpint(engine_call_left_ms(&call, 100000), <=, 40000);
    g_assert_cmpint(engine_call_left_ms(&call, 100000), >, 20000);
    g_assert_cmpint(engine_call_left_ms(&call, 20), ==, 20);
}

static void test_a_cancelled_call(void)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    struct engine_call call = {.cancellable = cancellable};
    struct dub_error error = {0};
    g_assert_true(engine_call_go_on(&call, DUB_STAGE_ASR, &error));
    g_cancellable_cancel(cancellable);
    g_assert_false(engine_call_go_on(&call, DUB_STAGE_ASR, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_false(error.retryable);
}

static void test_an_unknown_name_lists_the_known(void)
{
    struct engine_config config = {0};
    struct dub_error error = {0};
    g_assert_null(asr_open("whisperer", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error.message, "whisperer"));
    g_assert_nonnull(strstr(error.message, "pocketsphinx, mock"));
    g_assert_null(translation_open("babelfish", &config, &error));
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TRANSLATION);
    g_assert_nonnull(strstr(error.message, "apertium, identity, mock"));
    g_assert_null(tts_open("speaker", &config, &error));
    g_assert_nonnull(strstr(error.message, "espeak-ng, mock"));
}

/* Known, whether its library was there at build time or not: then what is missing is a model. */
static void test_an_engine_without_its_library_or_model(void)
{
    struct engine_config config = {.model_cache_dir = "/no/such/folder"};
    struct dub_error error = {0};
    g_assert_null(asr_open("whisper", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "STS_ASR_ENGINE=whisper"));
    g_assert_true(strstr(error.message, "libwhisper-dev") || strstr(error.message, "/no/such/folder"));
}

static void test_a_missing_model_is_named(void)
{
    struct engine_config config = {.model = "/no/such/model"};
    const char *const names[] = {"pocketsphinx", "auto", "", NULL};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        struct dub_error error = {0};
        g_assert_null(asr_open(names[i], &config, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
        g_assert_nonnull(strstr(error.message, "/no/such/model"));
        g_assert_nonnull(strstr(error.message, "STS_ASR_MODEL"));
    }
}

static void test_missing_pairs_name_a_package(void)
{
    struct engine_config config = {.model = "/no/such/modes"};
    struct dub_error error = {0};
    g_assert_null(translation_open("apertium", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "apertium-eng-spa"));
    g_assert_nonnull(strstr(error.message, "STS_TRANSLATION_MODEL"));
}

static void test_concurrency_is_what_was_asked_for(void)
{
    const struct {
        int workers;
        int expected;
    } cases[] = {{1, 1}, {3, 3}, {1000, 64}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct engine_config config = {.workers = cases[i].workers};
        struct tts *tts = tts_open("mock", &config, NULL);
        g_assert_cmpint(tts_max_concurrency(tts), ==, cases[i].expected);
        tts_close(tts);
    }
}

/* When the last user of a library with one state per process has gone, the next starts it anew. */
static void test_opened_after_it_was_closed(void)
{
    struct engine_config config = {0};
    for (int i = 0; i < 2; i++) {
        struct dub_error error = {0};
        struct tts *tts = tts_open("auto", &config, &error);
        if (!tts) {
            g_test_skip(error.message);
            return;
        }
        struct tts_request request = {.text = "Hola.", .language = "es"};
        struct tts_result result = {0};
        g_assert_true(tts_speak(tts, &request, &result, NULL));
        g_assert_cmpuint(result.audio.count, >, 0);
        tts_result_clear(&result);
        tts_close(tts);
    }
}

static void test_where_a_model_lies(void)
{
    static const struct {
        const char *model, *expected;
    } cases[] = {{NULL, NULL},
                 {"", NULL},
                 {"/opt/en-us", "/opt/en-us"},
                 {"en-us", "/var/models/en-us"},
                 {"a/b", "/var/models/a/b"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = engine_model_path(
            &(struct engine_config){.model = cases[i].model, .model_cache_dir = "/var/models"});
        g_assert_cmpstr(path, ==, cases[i].expected);
    }
    g_autofree char *path = engine_model_path(&(struct engine_config){.model = "en-us"});
    g_assert_cmpstr(path, ==, "en-us");
}

static void test_what_was_used_is_bounded(void)
{
    g_autofree char *both = engine_used("apertium", "eng-spa");
    g_assert_cmpstr(both, ==, "apertium eng-spa");
    g_autofree char *one = engine_used("mock", "mock");
    g_assert_cmpstr(one, ==, "mock");
    g_autoptr(GString) long_name = g_string_new(NULL);
    for (int i = 0; i < 400; i++)
        g_string_append(long_name, "\xc3\xb1");
    g_autofree char *cut = engine_used("e", long_name->str);
    g_assert_cmpuint(strlen(cut), <=, ENGINE_USED_BYTES_MAX);
    g_assert_true(g_utf8_validate(cut, -1, NULL));
}

static void test_closing_nothing(void)
{
    asr_close(NULL);
    translation_close(NULL);
    tts_close(NULL);
    struct engine_info info = {0};
    engine_info_clear(&info);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/language-codes", test_language_codes);
    g_test_add_func("/engine/what-is-no-language-code", test_what_is_no_language_code);
    g_test_add_func("/engine/language-matches", test_language_matches);
    g_test_add_func("/engine/a-call-without-terms-goes-on", test_a_call_without_terms_goes_on);
    g_test_add_func("/engine/a-call-past-its-deadline", test_a_call_past_its_deadline);
    g_test_add_func("/engine/left-is-bounded-by-the-deadline", test_left_is_bounded_by_the_deadline);
    g_test_add_func("/engine/a-cancelled-call", test_a_cancelled_call);
    g_test_add_func("/engine/an-unknown-name-lists-the-known", test_an_unknown_name_lists_the_known);
    g_test_add_func("/engine/an-engine-without-its-library-or-model",
                    test_an_engine_without_its_library_or_model);
    g_test_add_func("/engine/a-missing-model-is-named", test_a_missing_model_is_named);
    g_test_add_func("/engine/missing-pairs-name-a-package", test_missing_pairs_name_a_package);
    g_test_add_func("/engine/concurrency-is-what-was-asked-for", test_concurrency_is_what_was_asked_for);
    g_test_add_func("/engine/opened-after-it-was-closed", test_opened_after_it_was_closed);
    g_test_add_func("/engine/where-a-model-lies", test_where_a_model_lies);
    g_test_add_func("/engine/what-was-used-is-bounded", test_what_was_used_is_bounded);
    g_test_add_func("/engine/closing-nothing", test_closing_nothing);
    return g_test_run();
}
