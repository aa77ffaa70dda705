/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_events.h>
#include <string.h>

static bool read_init(const char *glossary, struct dub_stream_init *init, struct dub_error *error)
{
    g_autofree char *text = g_strdup_printf("{\"stream_id\":\"a\",\"worker_id\":\"b\",\"config\":{"
                                            "\"source_language\":\"en\",\"target_language\":\"es\","
                                            "\"glossary\":%s}}",
                                            glossary);
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    g_assert_nonnull(node);
    return dub_stream_init_read(init, node, error);
}

static void test_a_glossary_is_read_and_written(void)
{
    struct dub_stream_init init;
    struct dub_error error = {0};
    g_assert_true(
        read_init("{\"keep\":[\"BBC\"],\"replace\":{\"goalkeeper\":\"portero\",\"a\":\"b\"},\"more\":1}",
                  &init, &error));
    g_assert_cmpstr(init.config.glossary.keep[0], ==, "BBC");
    g_assert_cmpstr(init.config.glossary.replace[2], ==, "a");
    g_assert_cmpstr(init.config.glossary.replace[3], ==, "b");
    g_autoptr(JsonNode) node = dub_stream_init_to_json(&init);
    g_autofree char *text = json_to_string(node, FALSE);
    g_assert_nonnull(strstr(
        text, "\"glossary\":{\"keep\":[\"BBC\"],\"replace\":{\"goalkeeper\":\"portero\",\"a\":\"b\"}}"));
    dub_stream_init_clear(&init);
}

static void test_without_a_glossary(void)
{
    struct dub_stream_init init;
    g_assert_true(read_init("null", &init, NULL));
    g_assert_null(init.config.glossary.keep);
    g_autoptr(JsonNode) node = dub_stream_init_to_json(&init);
    g_autofree char *text = json_to_string(node, FALSE);
    g_assert_null(strstr(text, "glossary"));
    dub_stream_init_clear(&init);
    g_assert_true(read_init("{\"keep\":null,\"replace\":{}}", &init, NULL));
    g_assert_cmpuint(g_strv_length(init.config.glossary.replace), ==, 0);
    dub_stream_init_clear(&init);
}

static void assert_refused(const char *glossary, const char *message)
{
    struct dub_stream_init init;
    struct dub_error error = {0};
    g_assert_false(read_init(glossary, &init, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_cmpstr(error.message, ==, message);
    dub_stream_init_clear(&init);
}

static void test_bad_ones_are_refused(void)
{
    g_autofree char *longer = g_strnfill(129, 'x');
    g_autofree char *keep = g_strdup_printf("{\"keep\":[\"%s\"]}", longer);
    g_autofree char *replace = g_strdup_printf("{\"replace\":{\"a\":\"%s\"}}", longer);
    g_autoptr(GString) many = g_string_new("{\"keep\":[\"x\"");
    for (int i = 0; i < DUB_GLOSSARY_TERMS_MAX; i++)
        g_string_append(many, ",\"x\"");
    g_string_append(many, "]}");
    assert_refused("{\"keep\":\"BBC\"}", "config.glossary.keep: must be a list of strings");
    assert_refused("{\"keep\":[\"a\",{}]}",
                   "config.glossary.keep: entry 1 must be a string of 1 to 128 bytes");
    assert_refused("{\"keep\":[\"\"]}", "config.glossary.keep: entry 0 must be a string of 1 to 128 bytes");
    assert_refused(keep, "config.glossary.keep: entry 0 must be a string of 1 to 128 bytes");
    assert_refused(many->str, "config.glossary.keep: has 129 entries, at most 128 are allowed");
    assert_refused("{\"replace\":[]}",
                   "config.glossary.replace: must be an object of terms and translations");
    assert_refused("{\"replace\":{\"a\":1}}",
                   "config.glossary.replace: \"a\" and its translation must be strings of 1 to 128 bytes");
    assert_refused(replace,
                   "config.glossary.replace: \"a\" and its translation must be strings of 1 to 128 bytes");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream-glossary/is-read-and-written", test_a_glossary_is_read_and_written);
    g_test_add_func("/stream-glossary/without-one", test_without_a_glossary);
    g_test_add_func("/stream-glossary/bad-ones-are-refused", test_bad_ones_are_refused);
    return g_test_run();
}
