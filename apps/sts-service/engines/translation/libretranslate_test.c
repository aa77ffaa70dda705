/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../http/fake_apis.h"
#include "translation.h"
#include <string.h>

static struct translation *open_with(const struct engine_providers *providers, struct dub_error *error)
{
    struct engine_config config = {.providers = providers};
    return translation_open("libretranslate", &config, error);
}

static bool translate(struct translation *translation, const char *target, struct translation_result *result,
                      struct dub_error *error)
{
    struct translation_request request = {
        .text = "Good evening \"all\".", .source_language = "es", .target_language = target};
    return translation_translate(translation, &request, result, error);
}

static void test_without_a_server(void)
{
    struct dub_error error = {0};
    struct engine_providers providers = {.libretranslate_url = (char *)"localhost"};
    g_assert_null(open_with(NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "set LIBRETRANSLATE_URL"));
    g_assert_null(open_with(&providers, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
}

static void test_what_is_sent(void)
{
    struct fake_apis *apis = fake_apis_new();
    struct translation_result result = {0};
    struct dub_error error = {0};
    struct translation *translation = open_with(fake_apis_providers(apis), &error);
    g_assert_true(translate(translation, "pt", &result, &error));
    g_autofree char *last = fake_apis_last(apis);
    g_assert_true(g_str_has_prefix(last, "POST /translate HTTP/1.1\r\n"));
    g_assert_true(g_str_has_suffix(last, "{\"q\":\"Good evening \\\"all\\\".\",\"source\":\"es\",\"target\":"
                                         "\"pt-BR\",\"format\":\"text\",\"api_key\":\"libre-key\"}"));
    g_assert_false(translation_check_pair(translation, "es", "de", &error));
    g_assert_nonnull(strstr(error.message, "es-pt-BR"));
    translation_result_clear(&result);
    translation_close(translation);
    fake_apis_free(apis);
}

static void test_answers_that_are_none(void)
{
    static const char *const bodies[] = {"", "{", "[]", "{\"translatedText\":7}", "{\"error\":\"x\"}"};
    struct fake_apis *apis = fake_apis_new();
    struct translation_result result = {0};
    struct dub_error error = {0};
    struct translation *translation = open_with(fake_apis_providers(apis), &error);
    for (gsize i = 0; i < G_N_ELEMENTS(bodies); i++) {
        struct stand_reply reply = {.body = (char *)bodies[i]};
        fake_apis_misbehave(apis, &reply);
        g_assert_false(translate(translation, "en", &result, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_TRANSLATION_API_UNAVAILABLE);
        fake_apis_misbehave(apis, NULL);
        g_assert_true(translate(translation, "en", &result, &error));
    }
    translation_result_clear(&result);
    translation_close(translation);
    fake_apis_free(apis);
}

/* The server comes up later than we do. */
static void test_a_server_that_is_not_there_yet(void)
{
    struct engine_providers providers = {.libretranslate_url = (char *)"http://127.0.0.1:1"};
    struct dub_error error = {0};
    struct translation_result result = {0};
    struct translation *translation = open_with(&providers, &error);
    g_assert_nonnull(translation);
    g_assert_true(translation_check_pair(translation, "en", "zu", &error));
    struct translation_request request = {.call.deadline_ns =
                                              dub_clock_now_ns(dub_clock_monotonic()) + DUB_NS_PER_S,
                                          .text = "word",
                                          .source_language = "en",
                                          .target_language = "zu"};
    g_assert_false(translation_translate(translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TRANSLATION_API_UNAVAILABLE);
    translation_close(translation);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/libretranslate/without-a-server", test_without_a_server);
    g_test_add_func("/libretranslate/what-is-sent", test_what_is_sent);
    g_test_add_func("/libretranslate/answers-that-are-none", test_answers_that_are_none);
    g_test_add_func("/libretranslate/a-server-that-is-not-there-yet", test_a_server_that_is_not_there_yet);
    return g_test_run();
}
