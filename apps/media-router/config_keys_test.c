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

static JsonObject *describe_timeout(struct router_config *config, const char *text)
{
    JsonObject *object = json_object_new();
    g_assert_true(config_key_set(config_key_find_global("readTimeout"), config, "", text, NULL));
    config_keys_describe_global(config, object);
    return object;
}

/* What the Control API shows can be written into the file. */
static void test_durations_are_shown_as_written(void)
{
    static const char *const cases[][2] = {
        {"10s", "10s"},   {"90s", "1m30s"}, {"10m", "10m0s"},   {"1h0m1s", "1h0m1s"}, {"24h", "1d"},
        {"1d1s", "1d1s"}, {"1.5s", "1.5s"}, {"250ms", "250ms"}, {"365d", "365d"},     {"1d2h", "1d2h0m0s"}};
    struct router_config *config = router_config_new();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        JsonObject *object = describe_timeout(config, cases[i][0]);
        int64_t before_ns = config->read_timeout_ns;
        g_assert_cmpstr(json_object_get_string_member(object, "readTimeout"), ==, cases[i][1]);
        json_object_unref(describe_timeout(config, cases[i][1]));
        g_assert_cmpint(config->read_timeout_ns, ==, before_ns);
        json_object_unref(object);
    }
    router_config_free(config);
}

static void test_each_type_is_shown(void)
{
    struct router_config *config = router_config_new();
    struct path_config *path = router_config_add_path(config, "a");
    g_autoptr(JsonObject) global = json_object_new();
    g_autoptr(JsonObject) entry = json_object_new();
    path->max_readers = 3;
    path->run_on_ready_restart = true;
    g_assert_true(config_key_set(config_key_find_path("runOnReady"), path, "", "mine", NULL));
    config->rtmp_encryption = ROUTER_ENCRYPTION_OPTIONAL;
    config->metrics = false;
    config_keys_describe_global(config, global);
    config_keys_describe_path(path, entry);
    g_assert_cmpstr(json_object_get_string_member(global, "rtmpAddress"), ==, ROUTER_DEFAULT_RTMP_ADDRESS);
    g_assert_cmpstr(json_object_get_string_member(global, "rtmpEncryption"), ==, "optional");
    g_assert_cmpint(json_object_get_int_member(global, "writeQueueSize"), ==, 512);
    g_assert_true(json_object_get_boolean_member(global, "api"));
    g_assert_false(json_object_get_boolean_member(global, "metrics"));
    g_assert_cmpstr(json_object_get_string_member(entry, "source"), ==, "publisher");
    g_assert_cmpint(json_object_get_int_member(entry, "maxReaders"), ==, 3);
    g_assert_cmpstr(json_object_get_string_member(entry, "runOnReady"), ==, "mine");
    g_assert_cmpstr(json_object_get_string_member(entry, "runOnAvailable"), ==, "mine");
    g_assert_true(json_object_get_boolean_member(entry, "runOnReadyRestart"));
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
    g_test_add_func("/config-keys/durations-are-shown-as-written", test_durations_are_shown_as_written);
    g_test_add_func("/config-keys/each-type-is-shown", test_each_type_is_shown);
    g_test_add_func("/config-keys/later-text-replaces", test_later_text_replaces);
    return g_test_run();
}
