/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_yaml.h"

#include <dubbing_clock.h>
#include <string.h>

struct fixture {
    struct router_config *config;
    GPtrArray *warnings;
    struct dub_error error;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->config = router_config_new();
    fixture->warnings = g_ptr_array_new_with_free_func(g_free);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    router_config_free(fixture->config);
    g_ptr_array_unref(fixture->warnings);
}

static bool apply(struct fixture *fixture, const char *yaml, const char *const *environment)
{
    return config_yaml_apply(fixture->config, yaml, yaml != NULL ? strlen(yaml) : 0, environment,
                             fixture->warnings, &fixture->error);
}

static const struct path_config *find(const struct fixture *fixture, const char *name)
{
    g_auto(GStrv) groups = NULL;
    return router_config_find_path(fixture->config, name, &groups);
}

static void test_defaults(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture, NULL, NULL));
    g_assert_cmpstr(fixture->config->rtmp_address, ==, "127.0.0.1:1935");
    g_assert_cmpint(fixture->config->read_timeout_ns, ==, 10 * DUB_NS_PER_S);
    g_assert_cmpint(fixture->config->write_queue_messages, ==, 512);
    g_assert_cmpstr(find(fixture, "any/path")->name, ==, "all_others");
    g_assert_true(find(fixture, "any/path")->override_publisher);
    g_assert_cmpstr(find(fixture, "any/path")->run_on_ready, ==, "");
}

static void test_known_keys(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture,
                        "rtmpAddress: :1936\nrtspAddress: :8555\napi: yes\napiAddress: 0.0.0.0:1\n"
                        "metrics: no\nmetricsAddress: '[::1]:2'\nreadTimeout: 5s\nwriteTimeout: 250ms\n"
                        "writeQueueSize: 64\nauthMethod: internal\n",
                        NULL));
    g_assert_cmpuint(fixture->warnings->len, ==, 0);
    g_assert_cmpstr(fixture->config->rtmp_address, ==, ":1936");
    g_assert_cmpstr(fixture->config->rtsp_address, ==, ":8555");
    g_assert_cmpstr(fixture->config->api_address, ==, "0.0.0.0:1");
    g_assert_cmpstr(fixture->config->metrics_address, ==, "[::1]:2");
    g_assert_true(fixture->config->api);
    g_assert_false(fixture->config->metrics);
    g_assert_cmpint(fixture->config->read_timeout_ns, ==, 5 * DUB_NS_PER_S);
    g_assert_cmpint(fixture->config->write_timeout_ns, ==, 250 * DUB_NS_PER_MS);
    g_assert_cmpint(fixture->config->write_queue_messages, ==, 64);
}

/* The order in the file does not matter: paths start with the defaults. */
static void test_paths_start_with_defaults(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture,
                        "paths:\n  live/a:\n    runOnReady: mine\n    maxReaders: 3\n  all_others:\n"
                        "pathDefaults:\n  runOnAvailable: theirs\n  runOnAvailableRestart: true\n"
                        "  runOnUnavailable: gone\n  overridePublisher: no\n  source: publisher\n",
                        NULL));
    const struct path_config *a = find(fixture, "live/a");
    const struct path_config *b = find(fixture, "live/b");
    g_assert_cmpstr(a->run_on_ready, ==, "mine");
    g_assert_cmpint(a->max_readers, ==, 3);
    g_assert_cmpstr(b->run_on_ready, ==, "theirs");
    g_assert_cmpint(b->max_readers, ==, 0);
    g_assert_true(a->run_on_ready_restart && b->run_on_ready_restart);
    g_assert_cmpstr(a->run_on_not_ready, ==, "gone");
    g_assert_false(a->override_publisher);
}

static void test_plain_then_regex_then_others(struct fixture *fixture, gconstpointer data)
{
    g_auto(GStrv) groups = NULL;
    g_assert_true(
        apply(fixture, "paths: {all: , '~^live/(\\w+)/(in|out)$': , live/x/in: , '~^live/': }", NULL));
    g_assert_cmpstr(find(fixture, "live/x/in")->name, ==, "live/x/in");
    const struct path_config *path = router_config_find_path(fixture->config, "live/y/out", &groups);
    g_assert_cmpstr(path->name, ==, "~^live/(\\w+)/(in|out)$");
    g_assert_cmpstr(groups[0], ==, "G1=y");
    g_assert_cmpstr(groups[1], ==, "G2=out");
    g_assert_cmpstr(find(fixture, "live/else")->name, ==, "~^live/");
    g_assert_cmpstr(find(fixture, "else")->name, ==, "all_others");
}

static void test_empty_paths_allow_nothing(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture, "paths: {}", NULL));
    g_assert_null(find(fixture, "live/a"));
}

static void test_unknown_keys_are_named(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(
        fixture, "hls: no\nsrtAddress: :1\npathDefaults: {record: yes}\npaths: {a: {fallback: x}}", NULL));
    static const char *const names[] = {"hls", "srtAddress", "pathDefaults.record", "paths.a.fallback"};
    g_assert_cmpuint(fixture->warnings->len, ==, G_N_ELEMENTS(names));
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_true(g_str_has_prefix(fixture->warnings->pdata[i], names[i]));
}

static void test_environment_overrides(struct fixture *fixture, gconstpointer data)
{
    static const char *const environment[] = {"MTX_RTMPADDRESS=:7",
                                              "MTX_PATHDEFAULTS_RUNONREADY=env default",
                                              "MTX_PATHS_LIVE_A_RUNONNOTREADY=env a",
                                              "MTX_PATHS_ALL_OTHERS_MAXREADERS=9",
                                              "MTX_PATH=left alone",
                                              "MTX_PATHS_NOBODY_RUNONREADY=x",
                                              "MTX_PATHDEFAULTS_WHAT=x",
                                              "PATH=/bin",
                                              NULL};
    g_assert_true(apply(fixture,
                        "rtmpAddress: :1\npaths:\n  live/a:\n    runOnNotReady: file\n  all_others:\n",
                        environment));
    g_assert_cmpstr(fixture->config->rtmp_address, ==, ":7");
    g_assert_cmpstr(find(fixture, "live/a")->run_on_ready, ==, "env default");
    g_assert_cmpstr(find(fixture, "live/a")->run_on_not_ready, ==, "env a");
    g_assert_cmpint(find(fixture, "b")->max_readers, ==, 9);
    g_assert_cmpuint(fixture->warnings->len, ==, 2);
}

static void test_environment_without_file(struct fixture *fixture, gconstpointer data)
{
    static const char *const environment[] = {"MTX_PATHDEFAULTS_RUNONREADY=hook", NULL};
    static const char *const bad[] = {"MTX_READTIMEOUT=soon", NULL};
    g_assert_true(apply(fixture, NULL, environment));
    g_assert_cmpstr(find(fixture, "x")->run_on_ready, ==, "hook");
    g_assert_false(apply(fixture, NULL, bad));
    g_assert_nonnull(strstr(fixture->error.message, "MTX_readTimeout"));
}

static const char *const bad_files[][2] = {
    {"rtmpAddress: nowhere", "rtmpAddress"},
    {"readTimeout: 10", "readTimeout"},
    {"readTimeout: 0s", "readTimeout"},
    {"writeQueueSize: 0", "writeQueueSize"},
    {"writeQueueSize: many", "writeQueueSize"},
    {"rtmp: perhaps", "yes or no"},
    {"rtmpAddress: [1, 2]", "single value"},
    {"rtmpAddress: \"a\\0b\"", "single value"},
    {"paths: {'../x': }", "no path"},
    {"paths: {'~(': }", "regular expression"},
    {"paths: {a: {maxReaders: -1}}", "maxReaders"},
    {"paths: {a: {source: 'rtsp://x'}}", "publisher"},
    {"paths: {a: 5}", "keys and values"},
    {"paths: [a]", "keys and values"},
    {"- a", "keys and values"},
    {"? [x]\n: y", "no text"},
    {"a: [", "line"},
    {"\x01", "YAML"},
    {"authMethod: http", "internal"},
    {"authInternalUsers: [{user: me, pass: secret, permissions: [{action: publish}, {action: read}]}]",
     "any"},
    {"authInternalUsers: [{user: any, permissions: [{action: publish, path: x}, {action: read}]}]", "any"},
    {"authInternalUsers: [{user: any, permissions: [{action: publish}]}]", "any"},
    {"authInternalUsers: [{user: any, ips: [10.0.0.1], permissions: [{action: publish}, {action: read}]}]",
     "any"},
    {"authInternalUsers: [{user: any, pass: x, permissions: [{action: publish}, {action: read}]}]", "any"},
    {"authInternalUsers: [{user: any}]", "any"},
    {"authInternalUsers: []", "any"},
};

static void test_bad_values_are_named(struct fixture *fixture, gconstpointer data)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bad_files); i++) {
        g_test_message("%s", bad_files[i][0]);
        fixture->error.message[0] = '\0';
        g_assert_false(apply(fixture, bad_files[i][0], NULL));
        g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(fixture->error.message, bad_files[i][1]));
    }
}

/* MediaMTX's own file lets everybody in and restricts the API to loopback. */
static void test_open_users_are_fine(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture,
                        "authInternalUsers:\n"
                        "- user: any\n  ips: ['127.0.0.1']\n  permissions: [{action: api}]\n"
                        "- user: any\n  pass:\n  ips: []\n"
                        "  permissions:\n  - action: publish\n    path:\n  - action: read\n    path: ''\n",
                        NULL));
}

static void test_files(struct fixture *fixture, gconstpointer data)
{
    g_assert_false(config_yaml_load(fixture->config, "/nonexistent/router.yml", NULL, fixture->warnings,
                                    &fixture->error));
    g_assert_nonnull(strstr(fixture->error.message, "/nonexistent/router.yml"));
    g_assert_true(config_yaml_load(fixture->config, "", NULL, fixture->warnings, &fixture->error));
    g_autofree char *large = g_strnfill(CONFIG_YAML_MAX_BYTES + 1, '#');
    g_assert_false(apply(fixture, large, NULL));
    g_assert_true(apply(fixture, "", NULL));
}

#define ADD(name, function) g_test_add("/config-yaml/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("defaults", test_defaults);
    ADD("known-keys", test_known_keys);
    ADD("paths-start-with-defaults", test_paths_start_with_defaults);
    ADD("plain-then-regex-then-others", test_plain_then_regex_then_others);
    ADD("empty-paths-allow-nothing", test_empty_paths_allow_nothing);
    ADD("unknown-keys-are-named", test_unknown_keys_are_named);
    ADD("environment-overrides", test_environment_overrides);
    ADD("environment-without-file", test_environment_without_file);
    ADD("bad-values-are-named", test_bad_values_are_named);
    ADD("open-users-are-fine", test_open_users_are_fine);
    ADD("files", test_files);
    return g_test_run();
}
