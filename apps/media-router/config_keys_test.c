/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_keys.h"

#include <dubbing_clock.h>
#include <string.h>

static void test_names(void)
{
    g_assert_nonnull(config_key_find_global("rtmpAddress"));
    g_assert_null(config_key_find_global("rtmpaddress"));
    g_assert_null(config_key_find_global("runOnReady"));
    g_assert_nonnull(config_key_find_path("runOnReady"));
    g_assert_true(config_key_find_global_env("RTMPADDRESS") == config_key_find_global("rtmpAddress"));
    g_assert_true(config_key_find_path_env("RUNONREADY") == config_key_find_path("runOnReady"));
    g_assert_null(config_key_find_global_env("rtmpAddress"));
    g_assert_null(config_key_find_path_env("MAX_READERS"));
}

static void test_switches(void)
{
    static const char *const yes[] = {"yes", "true", "on", "YES", "True"};
    static const char *const no[] = {"no", "false", "off", "No"};
    struct router_config *config = router_config_new();
    const struct config_key *key = config_key_find_global("api");
    for (size_t i = 0; i < G_N_ELEMENTS(no); i++)
        g_assert_true(config_key_set(key, config, "", no[i], NULL) && !config->api);
    for (size_t i = 0; i < G_N_ELEMENTS(yes); i++)
        g_assert_true(config_key_set(key, config, "", yes[i], NULL) && config->api);
    g_assert_false(config_key_set(key, config, "", "1", NULL));
    router_config_free(config);
}

static void test_encryption(void)
{
    static const struct {
        const char *text;
        enum router_encryption expected;
    } cases[] = {{"no", ROUTER_ENCRYPTION_NO},
                 {"optional", ROUTER_ENCRYPTION_OPTIONAL},
                 {"strict", ROUTER_ENCRYPTION_STRICT},
                 {"false", ROUTER_ENCRYPTION_NO},
                 {"yes", ROUTER_ENCRYPTION_STRICT}};
    struct router_config *config = router_config_new();
    struct dub_error error = {0};
    const struct config_key *key = config_key_find_global("rtmpEncryption");
    g_assert_cmpint(config->rtmp_encryption, ==, ROUTER_ENCRYPTION_NO);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(config_key_set(key, config, "", cases[i].text, NULL));
        g_assert_cmpint(config->rtmp_encryption, ==, cases[i].expected);
    }
    g_assert_false(config_key_set(key, config, "rtmpEncryption", "maybe", &error));
    g_assert_nonnull(strstr(error.message, "optional"));
    router_config_free(config);
}

static void test_problem_names_key_and_value(void)
{
    struct router_config *config = router_config_new();
    struct dub_error error = {0};
    struct path_config *path = router_config_add_path(config, "a");
    const struct config_key *key = config_key_find_path("maxReaders");
    g_assert_false(config_key_set(key, path, "paths.a.maxReaders", "lots", &error));
    g_assert_cmpstr(error.message, ==,
                    "paths.a.maxReaders is \"lots\", it must be a whole number from 0 to 2147483647");
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    router_config_free(config);
}

static void test_durations(void)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: refused */
    } cases[] = {{"10s", 10},   {"1m30s", 90}, {"1d", 86400},       {"1h0m1s", 3601}, {"0s", 0}, {"", 0},
                 {"10", 0},     {"s", 0},      {"-5s", 0},          {"1m 30s", 0},    {"d", 0},  {"366d", 0},
                 {"365d1s", 0}, {"1.5m", 90},  {"99999999999d", 0}, {"5sm", 0}};
    struct router_config *config = router_config_new();
    const struct config_key *key = config_key_find_global("readTimeout");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].text);
        bool fine = config_key_set(key, config, "readTimeout", cases[i].text, NULL);
        g_assert_cmpint(fine ? config->read_timeout_ns / DUB_NS_PER_S : 0, ==, cases[i].seconds);
    }
    router_config_free(config);
}

static void test_later_text_replaces(void)
{
    struct router_config *config = router_config_new();
    struct path_config *path = router_config_add_path(config, "a");
    g_assert_true(config_key_set(config_key_find_path("runOnReady"), path, "", "one", NULL));
    g_assert_true(config_key_set(config_key_find_path("runOnAvailable"), path, "", "two", NULL));
    g_assert_cmpstr(path->run_on_ready, ==, "two");
    router_config_free(config);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config-keys/names", test_names);
    g_test_add_func("/config-keys/switches", test_switches);
    g_test_add_func("/config-keys/encryption", test_encryption);
    g_test_add_func("/config-keys/problem-names-key-and-value", test_problem_names_key_and_value);
    g_test_add_func("/config-keys/durations", test_durations);
    g_test_add_func("/config-keys/later-text-replaces", test_later_text_replaces);
    return g_test_run();
}
