/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../http/fake_apis.h"
#include "tts.h"
#include <string.h>

static struct tts *open_with(const struct fake_apis *apis, const char *model, const struct voices *voices)
{
    struct engine_config config = {.providers = fake_apis_providers(apis), .model = model, .voices = voices};
    return tts_open("elevenlabs", &config, NULL);
}

static void test_without_a_key(void)
{
    struct engine_config config = {.workers = 1};
    struct dub_error error = {0};
    g_assert_null(tts_open("elevenlabs", &config, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_true(strstr(error.message, "set ELEVENLABS_API_KEY") != NULL);
}

static void test_what_is_sent(void)
{
    static const char text[] =
        "{\"voices\":{\"ana\":{\"language\":\"es\",\"engine\":\"elevenlabs\",\"model\":\"id/../1\"}}}";
    struct fake_apis *apis = fake_apis_new();
    struct voices *voices = voices_parse(text, strlen(text), NULL);
    struct tts *tts = open_with(apis, NULL, voices);
    struct tts_result result = {0};
    struct tts_request request = {.text = "Hola.", .language = "es-MX", .voice = "ana", .rate = 1.5};
    g_assert_true(tts_speak(tts, &request, &result, NULL));
    g_autofree char *last = fake_apis_last(apis);
    g_assert_true(
        g_str_has_prefix(last, "POST /v1/text-to-speech/id%2F..%2F1?output_format=wav_24000 HTTP/1.1\r\n"));
    g_assert_true(g_str_has_suffix(last, "{\"text\":\"Hola.\",\"model_id\":\"eleven_flash_v2_5\","
                                         "\"language_code\":\"es\",\"voice_settings\":{\"speed\":1.2}}"));
    g_autofree char *used = tts_used(tts, "ana", "es");
    g_assert_cmpstr(used, ==, "elevenlabs eleven_flash_v2_5 id/../1 (ana)");
    tts_result_clear(&result);
    tts_close(tts);
    voices_free(voices);
    fake_apis_free(apis);
}

static void test_languages_of_the_model(void)
{
    struct fake_apis *apis = fake_apis_new();
    struct tts *flash = open_with(apis, NULL, NULL);
    struct tts *other = open_with(apis, "eleven_v3", NULL);
    g_assert_true(tts_supports(flash, "es"));
    g_assert_false(tts_supports(flash, "zu"));
    g_assert_true(tts_supports(other, "zu"));
    tts_close(other);
    tts_close(flash);
    fake_apis_free(apis);
}

static void test_failures(void)
{
    static const struct {
        struct stand_reply reply;
        enum dub_error_code code;
        const char *says;
    } cases[] = {
        {{.status = 401, .body = (char *)"{\"detail\":{\"status\":\"quota_exceeded\",\"message\":\"m\"}}"},
         DUB_ERROR_RATE_LIMIT_EXCEEDED,
         "quota"},
        {{.status = 401, .body = (char *)"{\"detail\":{\"status\":\"invalid_api_key\",\"message\":\"m\"}}"},
         DUB_ERROR_TTS_SYNTHESIS_FAILED,
         "check ELEVENLABS_API_KEY"},
        {{.status = 422, .body = (char *)"{\"detail\":[{\"msg\":\"field required\"}]}"},
         DUB_ERROR_TTS_SYNTHESIS_FAILED,
         "422"},
        {{.body = (char *)"<html>hello", .type = "text/html"}, DUB_ERROR_MODEL_ERROR, "no WAV"},
        {{.body = (char *)"ID3", .type = "audio/mpeg"}, DUB_ERROR_MODEL_ERROR, "no WAV"},
        {{.type = "audio/wav"}, DUB_ERROR_MODEL_ERROR, "no WAV"},
    };
    struct fake_apis *apis = fake_apis_new();
    struct tts_request request = {.text = "Hola.", .language = "es"};
    struct tts_result result = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        struct tts *tts = open_with(apis, NULL, NULL);
        fake_apis_misbehave(apis, &cases[i].reply);
        g_assert_false(tts_speak(tts, &request, &result, &error));
        g_test_message("%s", error.message);
        g_assert_cmpint(error.code, ==, cases[i].code);
        g_assert_true(strstr(error.message, cases[i].says) != NULL);
        fake_apis_misbehave(apis, NULL);
        tts_close(tts);
    }
    fake_apis_free(apis);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/elevenlabs/without-a-key", test_without_a_key);
    g_test_add_func("/elevenlabs/what-is-sent", test_what_is_sent);
    g_test_add_func("/elevenlabs/languages-of-the-model", test_languages_of_the_model);
    g_test_add_func("/elevenlabs/failures", test_failures);
    return g_test_run();
}
