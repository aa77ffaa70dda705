/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_yaml.h"

#include <dubbing_clock.h>
#include <string.h>

struct fixture {
    struct router_config *config;
    GPtrArray *warnings, *problems;
    struct dub_error error;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->config = router_config_new();
    fixture->warnings = g_ptr_array_new_with_free_func(g_free);
    fixture->problems = g_ptr_array_new_with_free_func(g_free);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    router_config_free(fixture->config);
    g_ptr_array_unref(fixture->warnings);
    g_ptr_array_unref(fixture->problems);
}

static bool apply(struct fixture *fixture, const char *yaml, const char *const *environment)
{
    g_ptr_array_set_size(fixture->problems, 0);
    return config_yaml_apply(fixture->config, yaml, yaml != NULL ? strlen(yaml) : 0, environment,
                             &(struct config_notes){fixture->warnings, fixture->problems}, &fixture->error);
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
                        "writeQueueSize: 64\nauthMethod: internal\nrtsp: no\nrtspTransports: [tcp]\n"
                        "rtspEncryption: \"no\"\n",
                        NULL));
    g_assert_cmpuint(fixture->warnings->len, ==, 0);
    g_assert_cmpstr(fixture->config->rtmp_address, ==, ":1936");
    g_assert_cmpstr(fixture->config->rtsp_address, ==, ":8555");
    g_assert_cmpstr(fixture->config->api_address, ==, "0.0.0.0:1");
    g_assert_cmpstr(fixture->config->metrics_address, ==, "[::1]:2");
    g_assert_true(fixture->config->api);
    g_assert_false(fixture->config->rtsp);
    g_assert_false(fixture->config->metrics);
    g_assert_cmpint(fixture->config->read_timeout_ns, ==, 5 * DUB_NS_PER_S);
    g_assert_cmpint(fixture->config->write_timeout_ns, ==, 250 * DUB_NS_PER_MS);
    g_assert_cmpint(fixture->config->write_queue_messages, ==, 64);
}

static void test_other_transports_are_warned_about(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture, "rtspTransports: [udp, multicast, tcp]", NULL));
    g_assert_cmpuint(fixture->warnings->len, ==, 2);
    g_assert_nonnull(strstr(fixture->warnings->pdata[0], "udp"));
    g_assert_nonnull(strstr(fixture->warnings->pdata[1], "multicast"));
}

static void test_rtsp_auth_methods(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture, "rtspAuthMethods: [basic]", NULL));
    g_assert_true(fixture->config->rtsp_basic && !fixture->config->rtsp_digest);
    g_assert_true(apply(fixture, "rtspAuthMethods: [basic, digest]", NULL));
    g_assert_true(fixture->config->rtsp_basic && fixture->config->rtsp_digest);
    g_assert_true(apply(fixture, "rtspAuthMethods: digest", NULL));
    g_assert_true(!fixture->config->rtsp_basic && fixture->config->rtsp_digest);
    g_assert_cmpuint(fixture->warnings->len, ==, 0);
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
        apply(fixture, "paths: {all: , '~^live/[a-z]': , live/x/in: , '~^live/(\\w+)/(in|out)$': }", NULL));
    g_assert_cmpstr(find(fixture, "live/x/in")->name, ==, "live/x/in");
    const struct path_config *path = router_config_find_path(fixture->config, "live/y/out", &groups);
    g_assert_cmpstr(path->name, ==, "~^live/(\\w+)/(in|out)$");
    g_assert_cmpstr(groups[0], ==, "G1=y");
    g_assert_cmpstr(groups[1], ==, "G2=out");
    g_assert_cmpstr(find(fixture, "live/else")->name, ==, "~^live/[a-z]");
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
    static const char *const names[] = {"line 1: hls is", "line 2: srtAddress is",
                                        "line 3: pathDefaults.record is", "line 4: paths.a.fallback is"};
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
                                              "MTX_RTMPADRESS=misspelt",
                                              "PATH=/bin",
                                              NULL};
    g_assert_true(apply(fixture,
                        "rtmpAddress: :1\npaths:\n  live/a:\n    runOnNotReady: file\n  all_others:\n",
                        environment));
    g_assert_cmpstr(fixture->config->rtmp_address, ==, ":7");
    g_assert_cmpstr(find(fixture, "live/a")->run_on_ready, ==, "env default");
    g_assert_cmpstr(find(fixture, "live/a")->run_on_not_ready, ==, "env a");
    g_assert_cmpint(find(fixture, "b")->max_readers, ==, 9);
    static const char *const warned[] = {"MTX_PATHDEFAULTS_WHAT", "MTX_RTMPADRESS",
                                         "MTX_PATHS_NOBODY_RUNONREADY"};
    g_assert_cmpuint(fixture->warnings->len, ==, G_N_ELEMENTS(warned));
    for (guint i = 0; i < G_N_ELEMENTS(warned); i++)
        g_assert_true(g_str_has_prefix(fixture->warnings->pdata[i], warned[i]));
}

static void test_environment_without_file(struct fixture *fixture, gconstpointer data)
{
    static const char *const environment[] = {"MTX_PATHDEFAULTS_RUNONREADY=hook", NULL};
    static const char *const bad[] = {"MTX_READTIMEOUT=soon", NULL};
    g_assert_true(apply(fixture, NULL, environment));
    g_assert_cmpstr(find(fixture, "x")->run_on_ready, ==, "hook");
    g_assert_false(apply(fixture, NULL, bad));
    g_assert_nonnull(strstr(fixture->error.message, "MTX_READTIMEOUT"));
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
    {"rtspTransports: [udp]", "tcp"},
    {"rtspTransports: multicast", "tcp"},
    {"rtspTransports: [[tcp]]", "tcp"},
    {"rtspAuthMethods: [ntlm]", "ntlm"},
    {"rtspAuthMethods: []", "rtspAuthMethods"},
    {"rtspAuthMethods: [[basic]]", "basic and digest"},
    {"rtspAuthMethods: [digest]\nauthInternalUsers:\n- user: anna\n"
     "  pass: sha256:K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=\n",
     "anna"},
    {"apiEncryption: perhaps", "apiEncryption"},
    {"rtspEncryption: perhaps", "rtspEncryption"},
    {"rtspEncryption: []", "rtspEncryption"},
    {"authInternalUsers: 5", "authInternalUsers"},
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

/* An operator mends the file once, not once for every line. */
static void test_all_problems_with_their_lines(struct fixture *fixture, gconstpointer data)
{
    static const char *const expected[] = {
        "line 1: rtmpAddress is \"nowhere\", it must be host:port",
        "line 3: writeQueueSize is \"none\", it must be a whole number from 1 to 65536",
        "line 4: the file: \"rtmpAddress\" stands there twice",
        "line 6: pathDefaults.maxReaders must be a single value, it is a list or holds keys",
        "MTX_API is \"perhaps\", it must be yes or no",
        "line 8: paths.live/a must hold keys and values",
        "line 10: paths.live/b.runOnReadyRestart is \"maybe\", it must be yes or no",
    };
    static const char *const environment[] = {"MTX_API=perhaps", NULL};
    g_assert_false(apply(fixture,
                         "rtmpAddress: nowhere\n\nwriteQueueSize: none\nrtmpAddress: :1\npathDefaults:\n"
                         "  maxReaders: [1]\npaths:\n  live/a: 5\n  live/b:\n    runOnReadyRestart: maybe\n",
                         environment));
    g_assert_cmpuint(fixture->problems->len, ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpstr(fixture->problems->pdata[i], ==, expected[i]);
    g_assert_cmpstr(fixture->error.message, ==, expected[0]);
}

/* What is started as a hook of MediaMTX has these in its environment. */
static void test_variables_of_hooks_are_no_keys(struct fixture *fixture, gconstpointer data)
{
    static const char *const environment[] = {"MTX_PATH=a",      "MTX_QUERY=b",     "MTX_SOURCE_TYPE=c",
                                              "MTX_SOURCE_ID=d", "MTX_CONN_TYPE=e", NULL};
    g_assert_true(apply(fixture, NULL, environment));
    g_assert_cmpuint(fixture->warnings->len, ==, 0);
}

static void test_other_hooks_are_said_not_to_run(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(apply(fixture, "runOnConnect: x\npathDefaults: {runOnRead: x, runOnDemand: x}", NULL));
    g_assert_cmpuint(fixture->warnings->len, ==, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_true(g_str_has_suffix(fixture->warnings->pdata[i], "never run"));
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
    struct config_notes notes = {fixture->warnings, fixture->problems};
    g_assert_false(
        config_yaml_load(fixture->config, "/nonexistent/router.yml", NULL, &notes, &fixture->error));
    g_assert_nonnull(strstr(fixture->error.message, "/nonexistent/router.yml"));
    g_assert_true(config_yaml_load(fixture->config, "", NULL, &notes, &fixture->error));
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
    ADD("other-transports-are-warned-about", test_other_transports_are_warned_about);
    ADD("rtsp-auth-methods", test_rtsp_auth_methods);
    ADD("paths-start-with-defaults", test_paths_start_with_defaults);
    ADD("plain-then-regex-then-others", test_plain_then_regex_then_others);
    ADD("empty-paths-allow-nothing", test_empty_paths_allow_nothing);
    ADD("unknown-keys-are-named", test_unknown_keys_are_named);
    ADD("environment-overrides", test_environment_overrides);
    ADD("environment-without-file", test_environment_without_file);
    ADD("bad-values-are-named", test_bad_values_are_named);
    ADD("all-problems-with-their-lines", test_all_problems_with_their_lines);
    ADD("variables-of-hooks-are-no-keys", test_variables_of_hooks_are_no_keys);
    ADD("other-hooks-are-said-not-to-run", test_other_hooks_are_said_not_to_run);
    ADD("open-users-are-fine", test_open_users_are_fine);
    ADD("files", test_files);
    return g_test_run();
}
