/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A warm-up at a provider: the way is opened, and nobody pays for it. */
#include "../translation/translation.h"
#include "../tts/tts.h"
#include "fake_apis.h"
#include "fake_speech.h"
#include "fake_translators.h"
#include <string.h>

struct stand {
    struct fake_apis *apis;
    struct engine_config config;
};

/* What was asked last: its request line, and the header with the key. */
static void assert_last(struct stand *stand, const char *line, const char *key)
{
    g_autofree char *last = fake_apis_last(stand->apis);
    g_test_message("%s", last);
    g_assert_true(g_str_has_prefix(last, line));
    g_assert_true(g_strstr_len(last, -1, key) != NULL);
    g_assert_cmpint(fake_apis_paid(stand->apis), ==, 0);
}

static char *warm_translation(struct translation *translation)
{
    struct translation_request request = {.call = {.fragment = ENGINE_CALL_WARM_UP},
                                          .text = "Hello.",
                                          .source_language = "en",
                                          .target_language = "es"};
    struct translation_result result = {0};
    g_assert_true(translation_translate(translation, &request, &result, NULL));
    return result.text;
}

static void assert_translation_is_free(struct stand *stand, const char *name, const char *line,
                                       const char *key)
{
    struct translation *translation = translation_open(name, &stand->config, NULL);
    g_assert_nonnull(translation);
    g_autofree char *text = warm_translation(translation);
    /* For the next stage's warm-up. */
    g_assert_cmpstr(text, ==, "Hello.");
    assert_last(stand, line, key);
    translation_close(translation);
}

static void test_translators(struct stand *stand, gconstpointer user)
{
    assert_translation_is_free(stand, "openai", "GET /v1/models ", FAKE_OPENAI_KEY);
    assert_translation_is_free(stand, "deepl", "GET /v2/usage ", FAKE_DEEPL_KEY);
    assert_translation_is_free(stand, "libretranslate", "GET /languages ", "");
}

static void assert_voice_is_free(struct stand *stand, const char *name, const char *line, const char *key)
{
    struct tts *tts = tts_open(name, &stand->config, NULL);
    struct tts_request request = {
        .call = {.fragment = ENGINE_CALL_WARM_UP}, .text = "Hola.", .language = "es"};
    struct tts_result result = {0};
    g_assert_nonnull(tts);
    g_assert_true(tts_speak(tts, &request, &result, NULL));
    g_assert_cmpuint(result.audio.count, ==, 0);
    assert_last(stand, line, key);
    tts_result_clear(&result);
    tts_close(tts);
}

static void test_voices(struct stand *stand, gconstpointer user)
{
    assert_voice_is_free(stand, "openai", "GET /v1/models ", FAKE_OPENAI_KEY);
    assert_voice_is_free(stand, "elevenlabs", "GET /v1/models ", FAKE_ELEVENLABS_KEY);
}

static void observe(enum dub_stage stage, const char *engine, const char *result, void *user)
{
    g_error("%s: %s", engine, result);
}

/* So that none is cold when it has to serve. */
static void test_all_of_a_chain(struct stand *stand, gconstpointer user)
{
    stand->config.observe = observe;
    struct translation *translation = translation_open("mock,deepl,openai,identity", &stand->config, NULL);
    g_assert_nonnull(translation);
    g_autofree char *text = warm_translation(translation);
    g_assert_cmpstr(text, ==, "[en-es] Hello.");
    assert_last(stand, "GET /v2/usage ", FAKE_DEEPL_KEY);
    translation_close(translation);
}

/* A key may be good for the work and not for this: a phrase will tell. */
static void test_a_greeting_that_is_refused(struct stand *stand, gconstpointer user)
{
    struct engine_providers providers = *stand->config.providers;
    providers.elevenlabs_key = (char *)"another";
    stand->config.providers = &providers;
    assert_voice_is_free(stand, "elevenlabs", "GET /v1/models ", "another");
    providers.elevenlabs_url = (char *)"http://127.0.0.1:1";
    assert_voice_is_free(stand, "elevenlabs", "GET /v1/models ", "another");
}

static void stand_up(struct stand *stand, gconstpointer user)
{
    stand->apis = fake_apis_new();
    stand->config = (struct engine_config){.workers = 1, .providers = fake_apis_providers(stand->apis)};
}

static void stand_down(struct stand *stand, gconstpointer user)
{
    fake_apis_free(stand->apis);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/warm-up/" name, struct stand, NULL, stand_up, test, stand_down)
    ADD("translators", test_translators);
    ADD("voices", test_voices);
    ADD("all-of-a-chain", test_all_of_a_chain);
    ADD("a-greeting-that-is-refused", test_a_greeting_that_is_refused);
    return g_test_run();
}
