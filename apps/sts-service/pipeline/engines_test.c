/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engines.h"

#include <dubbing_json.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static struct sts_settings mocks(void)
{
    return (struct sts_settings){.asr_engine = (char *)"mock",
                                 .translation_engine = (char *)"mock",
                                 .tts_engine = (char *)"mock",
                                 .voices_file = (char *)"",
                                 .asr_workers = 3};
}

static void test_mocks(void)
{
    struct sts_settings settings = mocks();
    struct engines engines;
    struct dub_error error = {0};
    g_assert_true(engines_open(&engines, &settings, &error));
    g_assert_cmpuint(engines.asr_workers, ==, 3);
    g_assert_cmpuint(engines.tts_workers, >=, 1);
    g_assert_true(engines_check_languages(&engines, "en", "es", &error));
    engines_close(&engines);
}

/* Where the recogniser can do that; what it then hears is each fragment's to be refused. */
static void test_a_language_to_be_found_out(void)
{
    struct sts_settings settings = mocks();
    struct engines engines;
    struct dub_error error = {0};
    g_assert_true(engines_open(&engines, &settings, &error));
    g_assert_false(engines_check_languages(&engines, "und", "es", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR);
    g_assert_nonnull(strstr(error.message, "source_language: und asks"));
    g_assert_nonnull(strstr(error.message, "name the language"));
    engines_close(&engines);
    settings.asr_model = (char *)"language=en";
    g_assert_true(engines_open(&engines, &settings, &error));
    g_assert_true(engines_check_languages(&engines, "und", "es", &error));
    engines_close(&engines);
}

static void test_description(void)
{
    struct sts_settings settings = mocks();
    struct engines engines;
    struct sts_metrics metrics;
    struct dub_error error;
    g_assert_true(engines_open(&engines, &settings, &error));
    g_autofree char *text = dub_json_object_to_string_take(engines_describe(&engines));
    g_assert_nonnull(strstr(text, "\"state\":\"active\""));
    g_assert_nonnull(strstr(text, "\"state\":\"not_loaded\""));
    g_assert_nonnull(strstr(text, "pocketsphinx"));

    sts_metrics_init(&metrics);
    engines_note(&engines, &metrics);
    g_autofree char *exposition = dub_metrics_format(metrics.registry);
    g_assert_nonnull(strstr(exposition, "sts_engine_info{stage=\"tts\",engine=\"mock\""));
    sts_metrics_clear(&metrics);
    engines_close(&engines);
}

/* What a chain does is counted, and both of its engines are in use. */
static void test_a_chain_is_seen(void)
{
    struct sts_settings settings = mocks();
    struct engines engines;
    struct sts_metrics metrics;
    struct dub_error error = {0};
    settings.translation_engine = (char *)"mock:fail=first:1,identity";
    g_assert_true(engines_open(&engines, &settings, &error));
    sts_metrics_init(&metrics);
    engines_note(&engines, &metrics);
    struct translation_request request = {
        .text = "good evening", .source_language = "en", .target_language = "es"};
    for (int i = 0; i < 2; i++) {
        struct translation_result result = {0};
        g_assert_true(translation_translate(engines.translation, &request, &result, &error));
        translation_result_clear(&result);
    }
    g_autofree char *exposition = dub_metrics_format(metrics.registry);
    g_autofree char *described = dub_json_object_to_string_take(engines_describe(&engines));
    static const char *const seen[] = {
        "sts_engine_calls_total{stage=\"translation\",engine=\"mock\",result=\"failed\"} 1",
        "sts_engine_calls_total{stage=\"translation\",engine=\"mock\",result=\"served\"} 1",
        "sts_engine_calls_total{stage=\"translation\",engine=\"identity\",result=\"served\"} 1",
        "sts_engine_info{stage=\"translation\",engine=\"identity\",model=\"none\"} 1",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(seen); i++)
        g_assert_nonnull(strstr(exposition, seen[i]));
    g_assert_nonnull(strstr(described,
                            "{\"name\":\"identity\",\"summary\":\"no translation: the text stays as it is\","
                            "\"state\":\"active\""));
    engines_close(&engines);
    sts_metrics_clear(&metrics);
}

static void expect_missing(struct sts_settings settings, const char *says)
{
    struct engines engines;
    struct dub_error error = {0};
    g_assert_false(engines_open(&engines, &settings, &error));
    engines_close(&engines);
    g_test_message("%s", error.message);
    g_assert_nonnull(strstr(error.message, says));
}

static void test_missing_engines_are_named(void)
{
    struct sts_settings settings = mocks();
    settings.asr_engine = (char *)"asr-of-the-future";
    expect_missing(settings, "asr-of-the-future");
    settings = mocks();
    settings.translation_engine = (char *)"translator-of-the-future";
    expect_missing(settings, "translator-of-the-future");
    settings = mocks();
    settings.tts_engine = (char *)"voice-of-the-future";
    expect_missing(settings, "voice-of-the-future");
}

static void test_voices_file(void)
{
    struct engines engines;
    struct dub_error error = {0};
    struct sts_settings settings = mocks();
    settings.voices_file = (char *)"/nowhere/voices.json";
    g_assert_false(engines_open(&engines, &settings, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "/nowhere/voices.json"));
    engines_close(&engines);
    /* The default may be absent: tests run where it is not. */
    settings.voices_file = (char *)STS_VOICES_FILE_DEFAULT;
    g_assert_true(engines_open(&engines, &settings, &error));
    engines_close(&engines);
}

static void test_glossary_file(void)
{
    struct engines engines;
    struct dub_error error = {0};
    struct sts_settings settings = mocks();
    settings.glossary_file = (char *)"/nowhere/glossary.json";
    g_assert_false(engines_open(&engines, &settings, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "/nowhere/glossary.json"));
    engines_close(&engines);
    g_autofree char *path = NULL;
    int file = g_file_open_tmp("glossary-XXXXXX", &path, NULL);
    g_assert_cmpint(file, >=, 0);
    close(file);
    g_assert_true(g_file_set_contents(path, "{\"names\":[\"BBC\"]}", -1, NULL));
    settings.glossary_file = path;
    g_assert_true(engines_open(&engines, &settings, &error));
    struct translation_request request = {
        .text = "the bbc", .source_language = "en", .target_language = "es"};
    struct translation_result result = {0};
    g_assert_true(translation_translate(engines.translation, &request, &result, &error));
    g_assert_cmpstr(result.text, ==, "[en-es] the BBC");
    translation_result_clear(&result);
    engines_close(&engines);
    g_unlink(path);
}

/* Exit 2, not 11: the engine is there, what it was told is wrong. */
static void test_bad_mock_settings(void)
{
    struct engines engines;
    struct dub_error error = {0};
    struct sts_settings settings = mocks();
    settings.tts_model = (char *)"loud";
    g_assert_false(engines_open(&engines, &settings, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "STS_TTS_MODEL"));
    engines_close(&engines);
}

/* Whatever is wrong is said at once, and what was set wins over what is missing. */
static void test_all_problems_at_once(void)
{
    struct engines engines;
    struct dub_error error = {0};
    struct sts_settings settings = mocks();
    settings.asr_engine = (char *)"asr-of-the-future";
    settings.translation_model = (char *)"loud";
    settings.tts_engine = (char *)"espeak-ng";
    settings.tts_model = (char *)"es.bin";
    g_assert_false(engines_open(&engines, &settings, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "asr-of-the-future"));
    g_assert_nonnull(strstr(error.message, "STS_TRANSLATION_MODEL"));
    engines_close(&engines);
}

static void test_models_that_an_engine_does_not_know(void)
{
    struct sts_settings settings = mocks();
    settings.tts_engine = (char *)"espeak-ng";
    settings.tts_model = (char *)"es.bin";
    expect_missing(settings, "STS_TTS_MODEL is \"es.bin\": espeak-ng has no models");
    settings = mocks();
    settings.translation_engine = (char *)"identity";
    settings.translation_model = (char *)"en-es";
    expect_missing(settings, "STS_TRANSLATION_MODEL is \"en-es\": identity has no models");
    settings = mocks();
    settings.translation_engine = (char *)"apertium";
    settings.translation_model = (char *)"pairs";
    settings.model_cache_dir = (char *)"/nowhere/models";
    expect_missing(settings, "/nowhere/models/pairs");
    settings = mocks();
    settings.asr_engine = (char *)"pocketsphinx";
    settings.asr_model = (char *)"en-us";
    settings.model_cache_dir = (char *)"/nowhere/models";
    expect_missing(settings, "/nowhere/models/en-us");
}

static void test_a_gpu_that_no_engine_uses(void)
{
    struct engines engines;
    struct dub_error error = {0};
    struct sts_settings settings = mocks();
    g_assert_true(engines_open(&engines, &settings, &error)); /* auto */
    engines_close(&engines);
    while (strcmp(sts_device_name(settings.device), "cuda") != 0)
        settings.device++;
    g_assert_false(engines_open(&engines, &settings, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "STS_DEVICE is \"cuda\""));
    g_assert_nonnull(strstr(error.message, "auto or cpu"));
    engines_close(&engines);
}

static void test_voice_profiles(void)
{
    static const char text[] = "{\"voices\":{\"uno\":{\"engine\":\"e\",\"language\":\"es\",\"model\":\"es\"},"
                               "\"one\":{\"engine\":\"e\",\"language\":\"en\",\"model\":\"en\"},"
                               "\"away\":{\"engine\":\"e\",\"language\":\"es\",\"model\":\"es\"}}}";
    static const char *const usable[] = {"uno", "one", NULL};
    struct engines engines = {.voices = voices_parse(text, strlen(text), NULL),
                              .tts_info = {.name = "e", .voices = (char **)usable}};
    struct dub_error error = {0};
    g_assert_true(engines_check_voice(&engines, NULL, "es", &error));
    g_assert_true(engines_check_voice(&engines, "", "es", &error));
    g_assert_true(engines_check_voice(&engines, "default", "es", &error));
    g_assert_true(engines_check_voice(&engines, "uno", "es-MX", &error));
    static const char *const wrong[] = {"nobody", "one", "away", "Uno"};
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(engines_check_voice(&engines, wrong[i], "es", &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(error.message, "config.voice_profile"));
        g_assert_nonnull(strstr(error.message, "allowed: default, uno"));
    }
    voices_free(engines.voices);
    engines.voices = NULL;
    g_assert_true(engines_check_voice(&engines, "default", "es", &error));
    g_assert_false(engines_check_voice(&engines, "uno", "es", &error));
}

static void test_each_model_is_a_series(void)
{
    static const char *const models[] = {"eng-spa", "spa-eng", NULL};
    struct engines engines = {.asr_info = {.name = "a", .model = (char *)"x"},
                              .translation_info = {.name = "t", .models = (char **)models},
                              .tts_info = {.name = "v", .model = (char *)"y"}};
    struct sts_metrics metrics;
    sts_metrics_init(&metrics);
    engines_note(&engines, &metrics);
    g_autofree char *exposition = dub_metrics_format(metrics.registry);
    g_assert_nonnull(strstr(exposition, "engine=\"t\",model=\"eng-spa\"} 1"));
    g_assert_nonnull(strstr(exposition, "engine=\"t\",model=\"spa-eng\"} 1"));
    sts_metrics_clear(&metrics);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/engines/mocks", test_mocks);
    g_test_add_func("/engines/a-language-to-be-found-out", test_a_language_to_be_found_out);
    g_test_add_func("/engines/a-chain-is-seen", test_a_chain_is_seen);
    g_test_add_func("/engines/description", test_description);
    g_test_add_func("/engines/missing-ones-are-named", test_missing_engines_are_named);
    g_test_add_func("/engines/voices-file", test_voices_file);
    g_test_add_func("/engines/glossary-file", test_glossary_file);
    g_test_add_func("/engines/bad-mock-settings", test_bad_mock_settings);
    g_test_add_func("/engines/all-problems-at-once", test_all_problems_at_once);
    g_test_add_func("/engines/models-that-an-engine-does-not-know", test_models_that_an_engine_does_not_know);
    g_test_add_func("/engines/a-gpu-that-no-engine-uses", test_a_gpu_that_no_engine_uses);
    g_test_add_func("/engines/voice-profiles", test_voice_profiles);
    g_test_add_func("/engines/each-model-is-a-series", test_each_model_is_a_series);
    return g_test_run();
}
