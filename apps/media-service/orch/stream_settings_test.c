/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream_settings.h"

#include <dubbing_json.h>
#include <glib/gstdio.h>
#include <string.h>

static void assert_value(const struct stream_settings *settings, const char *variable, const char *value)
{
    g_assert_cmpstr(stream_settings_get(settings, variable), ==, value);
}

static void test_query_is_read(void)
{
    struct stream_settings settings;
    stream_settings_init(&settings);
    stream_settings_read_query(
        &settings, "?lang=pt-BR&src=en&voice=anna%2B1&latency=5s&mix=replace&user=me&pass=x", "demo");
    assert_value(&settings, "WORKER_TARGET_LANG", "pt-BR");
    assert_value(&settings, "WORKER_SOURCE_LANG", "en");
    assert_value(&settings, "WORKER_TTS_VOICE", "anna+1");
    assert_value(&settings, "WORKER_LATENCY", "5s");
    assert_value(&settings, "WORKER_MIX_MODE", "replace");
    g_assert_cmpuint(g_hash_table_size(settings.values), ==, 5);
    stream_settings_clear(&settings);
}

static void test_defaults_are_checked_all_at_once(void)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_setenv("WORKER_LATENCY", "1s", TRUE);
    g_setenv("WORKER_PRESET", "none", TRUE);
    g_setenv("WORKER_MIX_MODE", "loud", TRUE);
    g_setenv("WORKER_MAX_LAG", "", TRUE);
    g_setenv("WORKER_TTS_VOICE", "any name", TRUE);
    g_setenv("WORKER_STS_API_KEY", "s3cret\n", TRUE);
    stream_settings_check_environment(problems);
    g_assert_cmpuint(problems->len, ==, 3);
    g_assert_cmpstr(problems->pdata[0], ==, "WORKER_LATENCY is \"1s\": the workers take 2s to 30s");
    g_assert_nonnull(strstr(problems->pdata[1], "WORKER_MIX_MODE"));
    g_assert_cmpstr(problems->pdata[2], ==, "WORKER_STS_API_KEY is \"***\": the workers take a text");
    g_unsetenv("WORKER_LATENCY");
    g_unsetenv("WORKER_PRESET");
    g_unsetenv("WORKER_MIX_MODE");
    g_unsetenv("WORKER_MAX_LAG");
    g_unsetenv("WORKER_TTS_VOICE");
    g_unsetenv("WORKER_STS_API_KEY");
}

static void test_query_encoded_as_a_whole_is_read(void)
{
    struct stream_settings settings;
    stream_settings_init(&settings);
    stream_settings_read_query(&settings, "lang%3Des%26src%3Dfr", "demo");
    assert_value(&settings, "WORKER_TARGET_LANG", "es");
    assert_value(&settings, "WORKER_SOURCE_LANG", "fr");
    stream_settings_clear(&settings);
}

/* Nothing a publisher writes may stop its stream, nor reach what is not its own. */
static void test_invalid_values_of_a_query_are_ignored(void)
{
    static const char *const queries[] = {"lang=",
                                          "lang=e",
                                          "lang=english",
                                          "lang=es-",
                                          "lang=es--x",
                                          "lang=e%0As",
                                          "lang=%00es",
                                          "lang=%ff%fe",
                                          "lang=../es",
                                          "latency=1s",
                                          "latency=31s",
                                          "latency=5",
                                          "preset=fast",
                                          "mix=loud",
                                          "mode=on",
                                          "fragmenter=x",
                                          "maxlag=-1s",
                                          "voice=a b",
                                          "voice=$(id)",
                                          "WORKER_STS_SERVICE_URL=http://evil/",
                                          "url=http://evil/",
                                          "=",
                                          "&&&",
                                          "lang",
                                          "%",
                                          "lang%3D%ZZ",
                                          NULL};
    for (unsigned i = 0; queries[i] != NULL; i++) {
        struct stream_settings settings;
        stream_settings_init(&settings);
        stream_settings_read_query(&settings, queries[i], "demo");
        if (g_hash_table_size(settings.values) != 0)
            g_error("\"%s\" was taken", queries[i]);
        stream_settings_clear(&settings);
    }
}

static void test_the_rest_of_a_query_counts(void)
{
    struct stream_settings settings;
    g_autofree char *junk = g_strnfill(8000, '&');
    g_autofree char *query = g_strconcat("voice=%20&lang=de&", junk, NULL);
    stream_settings_init(&settings);
    stream_settings_read_query(&settings, query, "demo");
    stream_settings_read_query(&settings, NULL, "demo");
    assert_value(&settings, "WORKER_TARGET_LANG", "de");
    assert_value(&settings, "WORKER_TTS_VOICE", NULL);
    stream_settings_clear(&settings);
}

static void read_file_with(struct stream_settings *settings, const char *text, gssize size)
{
    g_autofree char *dir = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "demo.env", NULL);
    g_assert_true(g_file_set_contents(path, text, size, NULL));
    stream_settings_init(settings);
    stream_settings_read_file(settings, dir, "demo");
    g_unlink(path);
    g_rmdir(dir);
}

static void test_file_is_read_and_the_query_wins(void)
{
    struct stream_settings settings;
    read_file_with(
        &settings,
        "# a comment\n\n WORKER_TARGET_LANG = \"fr\" \nWORKER_TTS_VOICE='marie'\nWORKER_MAX_INFLIGHT=99\n"
        "nonsense\nPATH=/tmp\nWORKER_STS_SERVICE_URL=http://127.0.0.1:9\nWORKER_STS_API_KEY=k\n",
        -1);
    stream_settings_read_query(&settings, "lang=it", "demo");
    assert_value(&settings, "WORKER_TARGET_LANG", "it");
    assert_value(&settings, "WORKER_TTS_VOICE", "marie");
    assert_value(&settings, "WORKER_MAX_INFLIGHT", NULL);
    assert_value(&settings, "WORKER_STS_SERVICE_URL", "http://127.0.0.1:9");
    assert_value(&settings, "WORKER_STS_API_KEY", "k");
    assert_value(&settings, "PATH", NULL);
    stream_settings_clear(&settings);
}

static void test_bad_files_are_ignored(void)
{
    struct stream_settings settings;
    g_autofree char *large = g_strnfill(70000, '\n');
    read_file_with(&settings, "WORKER_TARGET_LANG=\xff\n", -1);
    g_assert_cmpuint(g_hash_table_size(settings.values), ==, 0);
    stream_settings_clear(&settings);
    read_file_with(&settings, "WORKER_TARGET_LANG=fr\0x", 23);
    g_assert_cmpuint(g_hash_table_size(settings.values), ==, 0);
    stream_settings_clear(&settings);
    read_file_with(&settings, large, 70000);
    stream_settings_read_file(&settings, "/nonexistent", "demo");
    g_assert_cmpuint(g_hash_table_size(settings.values), ==, 0);
    stream_settings_clear(&settings);
}

static bool read_json(struct stream_settings *settings, const char *text, struct dub_error *error)
{
    g_autoptr(JsonNode) node = dub_json_parse(text, strlen(text), error);
    g_assert_nonnull(node);
    return stream_settings_read_json(settings, json_node_get_object(node), error);
}

static void test_json_round_trips(void)
{
    struct stream_settings settings, again;
    struct dub_error error = {0};
    stream_settings_init(&settings);
    stream_settings_init(&again);
    g_assert_true(
        read_json(&settings, "{\"targetLang\":\"es\",\"maxInflight\":4,\"voice\":null,\"other\":1}", &error));
    g_autoptr(JsonObject) object = stream_settings_to_json(&settings);
    g_assert_true(stream_settings_read_json(&again, object, &error));
    assert_value(&again, "WORKER_TARGET_LANG", "es");
    assert_value(&again, "WORKER_MAX_INFLIGHT", "4");
    g_autoptr(GPtrArray) environment = g_ptr_array_new_with_free_func(g_free);
    stream_settings_add_environment(&again, environment);
    g_assert_cmpuint(environment->len, ==, 2);
    g_assert_cmpstr(environment->pdata[0], ==, "WORKER_TARGET_LANG=es");
    stream_settings_clear(&settings);
    stream_settings_clear(&again);
}

static void test_json_errors_name_the_member(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"targetLang\":\"english\"}", "targetLang: allowed is a language such as es or pt-BR"},
        {"{\"targetLang\":7}", "targetLang: allowed is a language such as es or pt-BR"},
        {"{\"latency\":{}}", "latency: allowed is 2s to 30s"},
        {"{\"maxInflight\":1.5}", "maxInflight: allowed is 1 to 10"},
        {"{\"mixMode\":[]}", "mixMode: allowed is duck, replace or background"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stream_settings settings;
        struct dub_error error = {0};
        stream_settings_init(&settings);
        g_assert_false(read_json(&settings, cases[i].text, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error.message, ==, cases[i].message);
        stream_settings_clear(&settings);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream-settings/query-is-read", test_query_is_read);
    g_test_add_func("/stream-settings/defaults-are-checked-all-at-once",
                    test_defaults_are_checked_all_at_once);
    g_test_add_func("/stream-settings/query-encoded-as-a-whole-is-read",
                    test_query_encoded_as_a_whole_is_read);
    g_test_add_func("/stream-settings/invalid-values-of-a-query-are-ignored",
                    test_invalid_values_of_a_query_are_ignored);
    g_test_add_func("/stream-settings/the-rest-of-a-query-counts", test_the_rest_of_a_query_counts);
    g_test_add_func("/stream-settings/file-is-read-and-the-query-wins", test_file_is_read_and_the_query_wins);
    g_test_add_func("/stream-settings/bad-files-are-ignored", test_bad_files_are_ignored);
    g_test_add_func("/stream-settings/json-round-trips", test_json_round_trips);
    g_test_add_func("/stream-settings/json-errors-name-the-member", test_json_errors_name_the_member);
    return g_test_run();
}
