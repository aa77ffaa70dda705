/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook_json.h"

#include <dubbing_json.h>
#include <stdlib.h>
#include <string.h>

static char *round_trip(const char *value)
{
    struct dub_error error;
    char *text = hook_json(&(struct hook_field){"v", value}, 1);
    g_autoptr(JsonNode) node = dub_json_parse(text, strlen(text), &error);
    if (node == NULL)
        g_error("%s: %s", error.message, text);
    free(text);
    return g_strdup(json_object_get_string_member(json_node_get_object(node), "v"));
}

static void test_valid_utf8_is_kept(void)
{
    static const char *const values[] = {"",
                                         "live/demo/in",
                                         "\"\\/\b\f\n\r\t\x01\x7f",
                                         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                                         "\xef\xbf\xbd\xf4\x8f\xbf\xbf",
                                         NULL};
    for (unsigned i = 0; values[i] != NULL; i++) {
        g_autofree char *back = round_trip(values[i]);
        g_assert_cmpstr(back, ==, values[i]);
    }
}

/* Every pair of bytes, alone and before the end. */
static void test_any_bytes_are_valid_json(void)
{
    for (unsigned a = 1; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            const char value[] = {'x', (char)a, (char)b, '\0'};
            g_autofree char *back = round_trip(value);
            g_autofree char *expected = g_utf8_make_valid(value, -1);
            g_assert_true(g_utf8_validate(back, -1, NULL));
            if (g_utf8_validate(value, -1, NULL))
                g_assert_cmpstr(back, ==, expected);
        }
    static const char *const truncated[] = {
        "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80",     "\xf4\x90\x80\x80",
        "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", NULL};
    for (unsigned i = 0; truncated[i] != NULL; i++) {
        g_autofree char *back = round_trip(truncated[i]);
        g_assert_true(g_str_has_prefix(back, "\xef\xbf\xbd"));
    }
}

static void test_fields_are_separated(void)
{
    const struct hook_field fields[] = {{"a", "1"}, {"b", "2"}};
    char *text = hook_json(fields, 2);
    g_assert_cmpstr(text, ==, "{\"a\":\"1\",\"b\":\"2\"}");
    free(text);
}

static void test_queries_raw_and_encoded(void)
{
    static const struct {
        const char *query, *raw;
    } cases[] = {
        {"", ""},
        {"lang=es&voice=a%20b", "lang=es&voice=a%20b"},
        {"lang%3Des%26src%3Den", "lang=es&src=en"},
        {"lang%3des", "lang=es"},
        {"100%", "100%"},
        {"%zz%3", "%zz%3"},
        {"a%00b", "a?b"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *raw = hook_decode_query(cases[i].query);
        g_assert_cmpstr(raw, ==, cases[i].raw);
        free(raw);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hook-json/valid-utf8-is-kept", test_valid_utf8_is_kept);
    g_test_add_func("/hook-json/any-bytes-are-valid-json", test_any_bytes_are_valid_json);
    g_test_add_func("/hook-json/fields-are-separated", test_fields_are_separated);
    g_test_add_func("/hook-json/queries-raw-and-encoded", test_queries_raw_and_encoded);
    return g_test_run();
}
