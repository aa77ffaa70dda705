/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../http/fake_apis.h"
#include "deepl_answer.h"
#include "deepl_settings.h"
#include "translation.h"
#include <string.h>

static struct translation *open_with(const struct engine_providers *providers, const char *model,
                                     struct dub_error *error)
{
    struct engine_config config = {.providers = providers, .model = model};
    return translation_open("deepl", &config, error);
}

static bool translate(struct translation *translation, const char *target, struct translation_result *result,
                      struct dub_error *error)
{
    struct translation_request request = {
        .text = "Good evening.", .source_language = "en-GB", .target_language = target};
    return translation_translate(translation, &request, result, error);
}

static void test_the_key_chooses_the_plan(void)
{
    struct engine_providers providers = {.deepl_key = (char *)"abc:fx"};
    struct engine_config config = {.providers = &providers};
    struct deepl_settings settings;
    g_assert_true(deepl_settings_read(&settings, &config, NULL));
    g_assert_cmpstr(settings.base, ==, "https://api-free.deepl.com");
    deepl_settings_clear(&settings);
    providers.deepl_key = (char *)"abc";
    g_assert_true(deepl_settings_read(&settings, &config, NULL));
    g_assert_cmpstr(settings.base, ==, "https://api.deepl.com");
    deepl_settings_clear(&settings);
}

static void test_bad_settings(void)
{
    static const struct {
        struct engine_providers providers;
        const char *model, *says;
    } cases[] = {
        {{.deepl_key = NULL}, NULL, "set DEEPL_AUTH_KEY"},
        {{.deepl_key = (char *)"k", .deepl_formality = (char *)"polite"},
         NULL,
         "DEEPL_FORMALITY is \"polite\""},
        {{.deepl_key = (char *)"k", .deepl_glossaries = (char *)"en-es"},
         NULL,
         "DEEPL_GLOSSARIES: \"en-es\""},
        {{.deepl_key = (char *)"k", .deepl_glossaries = (char *)"en-es=1,en-ES=2"}, NULL, "each pair once"},
        {{.deepl_key = (char *)"k"}, "gpt", "STS_TRANSLATION_MODEL is \"gpt\""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        g_assert_null(open_with(&cases[i].providers, cases[i].model, &error));
        g_assert_nonnull(strstr(error.message, cases[i].says));
    }
}

static void test_what_is_sent(void)
{
    struct fake_apis *apis = fake_apis_new();
    struct engine_providers providers = *fake_apis_providers(apis);
    struct translation_result result = {0};
    struct dub_error error = {0};
    providers.deepl_formality = (char *)"prefer_less";
    providers.deepl_glossaries = (char *)"en-es=ab-12, en-de=ef";
    struct translation *translation = open_with(&providers, "latency_optimized", &error);
    g_assert_true(translate(translation, "es-MX", &result, &error));
    g_autofree char *last = fake_apis_last(apis);
    g_assert_true(g_str_has_suffix(last,
                                   "{\"text\":[\"Good evening.\"],\"source_lang\":\"EN\",\"target_lang\":"
                                   "\"ES-419\",\"formality\":\"prefer_less\",\"model_type\":"
                                   "\"latency_optimized\",\"glossary_id\":\"ab-12\"}"));
    g_assert_false(translation_check_pair(translation, "en", "zu", &error));
    translation_result_clear(&result);
    translation_close(translation);
    fake_apis_free(apis);
}

static void test_targets(void)
{
    static const char *const known[] = {"DE", "EN-GB", "EN-US", "ES", "PT-PT", NULL};
    static const struct {
        const char *base, *variant, *target;
    } cases[] = {{"en", NULL, "EN-US"}, {"en", "en-gb", "EN-GB"}, {"en", "en-AU", "EN-US"},
                 {"es", "es-MX", "ES"}, {"pt", NULL, "PT-PT"},    {"de", "de-AT", "DE"},
                 {"zu", NULL, NULL}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *target = deepl_target(known, cases[i].base, cases[i].variant);
        g_assert_cmpstr(target, ==, cases[i].target);
    }
    g_autofree char *unknown = deepl_target(NULL, "pt", NULL);
    g_assert_cmpstr(unknown, ==, "PT-BR");
}

static void test_a_refused_key_ends_the_start(void)
{
    struct fake_apis *apis = fake_apis_new();
    struct engine_providers providers = *fake_apis_providers(apis);
    struct dub_error error = {0};
    providers.deepl_key = (char *)"another-key";
    g_assert_null(open_with(&providers, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "check DEEPL_AUTH_KEY"));
    g_assert_null(strstr(error.message, "another-key"));
    fake_apis_free(apis);
}

static void test_failures(void)
{
    static const struct {
        struct stand_reply reply;
        enum dub_error_code code;
    } cases[] = {
        {{.body = (char *)"{\"translations\":[]}"}, DUB_ERROR_TRANSLATION_API_UNAVAILABLE},
        {{.body = (char *)"{\"translations\":"}, DUB_ERROR_TRANSLATION_API_UNAVAILABLE},
        {{.status = 413, .body = (char *)"{}"}, DUB_ERROR_TRANSLATION_FAILED},
        {{.status = 456, .body = (char *)"{\"message\":\"Quota Exceeded\"}"}, DUB_ERROR_RATE_LIMIT_EXCEEDED},
    };
    struct fake_apis *apis = fake_apis_new();
    struct translation_result result = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        struct translation *translation = open_with(fake_apis_providers(apis), NULL, &error);
        fake_apis_misbehave(apis, &cases[i].reply);
        g_assert_false(translate(translation, "es", &result, &error));
        g_assert_cmpint(error.code, ==, cases[i].code);
        fake_apis_misbehave(apis, NULL);
        translation_close(translation);
    }
    translation_result_clear(&result);
    fake_apis_free(apis);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/deepl/the-key-chooses-the-plan", test_the_key_chooses_the_plan);
    g_test_add_func("/deepl/bad-settings", test_bad_settings);
    g_test_add_func("/deepl/what-is-sent", test_what_is_sent);
    g_test_add_func("/deepl/targets", test_targets);
    g_test_add_func("/deepl/a-refused-key-ends-the-start", test_a_refused_key_ends_the_start);
    g_test_add_func("/deepl/failures", test_failures);
    return g_test_run();
}
