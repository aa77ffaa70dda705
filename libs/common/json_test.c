/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_json.h>

#include <string.h>

static JsonNode *parse(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    if (node == NULL)
        g_error("\"%s\" was rejected: %s", text, error.message);
    return node;
}

static void test_reader_reads_typed_members(void)
{
    struct dub_error error = {0};
    bool failed;
    g_autoptr(JsonNode) node =
        parse("{\"s\":\"text\",\"i\":42,\"whole\":1.0,\"d\":2.5,\"b\":true,\"o\":{\"x\":1},\"n\":null}");
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, &error);
    struct dub_json_reader sub = dub_json_read_object(&reader, "o", "o.", true);
    struct dub_json_reader absent = dub_json_read_object(&reader, "p", "p.", false);
    g_assert_cmpstr(dub_json_read_string(&reader, "s", 0), ==, "text");
    g_assert_cmpint(dub_json_read_int(&reader, "i", 0, 100), ==, 42);
    g_assert_cmpint(dub_json_read_int(&reader, "whole", 0, 100), ==, 1);
    g_assert_cmpfloat(dub_json_read_double_or(&reader, "d", 0), ==, 2.5);
    g_assert_cmpfloat(dub_json_read_double_or(&reader, "i", 0), ==, 42);
    g_assert_cmpfloat(dub_json_read_double_or(&reader, "nothing", 7), ==, 7);
    g_assert_true(dub_json_read_bool(&reader, "b"));
    g_assert_true(dub_json_read_bool_or(&reader, "nothing", true));
    g_assert_cmpstr(dub_json_read_string_or(&reader, "n", 0, "fallback"), ==, "fallback");
    g_assert_cmpint(dub_json_read_int_or(&reader, "nothing", 0, 1, 5), ==, 5);
    g_assert_cmpint(dub_json_read_int(&sub, "x", 0, 1), ==, 1);
    g_assert_cmpint(dub_json_read_int_or(&absent, "x", 0, 1, 9), ==, 9);
    g_assert_false(failed);
}

static void test_first_problem_names_the_field(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[]", "body: must be a JSON object"},
        {"{}", "s: is missing"},
        {"{\"s\":null}", "s: is missing"},
        {"{\"s\":1}", "s: must be a string"},
        {"{\"s\":\"12345\"}", "s: is longer than 4 bytes"},
        {"{\"s\":\"a\",\"i\":\"1\"}", "i: must be a whole number"},
        {"{\"s\":\"a\",\"i\":1.5}", "i: must be a whole number"},
        {"{\"s\":\"a\",\"i\":1e17}", "i: must be a whole number"},
        {"{\"s\":\"a\",\"i\":1e300}", "i: is 1e+300, allowed is 0 to 10"},
        {"{\"s\":\"a\",\"i\":9223372036854775808}", "i: is 9.22337e+18, allowed is 0 to 10"},
        {"{\"s\":\"a\",\"i\":-1e999}", "i: is -1.79769e+308, allowed is 0 to 10"},
        {"{\"s\":\"a\",\"i\":[]}", "i: must be a whole number"},
        {"{\"s\":\"a\",\"i\":11}", "i: is 11, allowed is 0 to 10"},
        {"{\"s\":\"a\",\"i\":1}", "o: is missing"},
        {"{\"s\":\"a\",\"i\":1,\"o\":3}", "o: must be an object"},
        {"{\"s\":\"a\",\"i\":1,\"o\":{}}", "o.b: is missing"},
        {"{\"s\":\"a\",\"i\":1,\"o\":{\"b\":1}}", "o.b: must be true or false"},
        {"{\"s\":\"a\",\"i\":1,\"o\":{\"b\":true,\"d\":{}}}", "o.d: must be a number"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_error error = {0};
        bool failed;
        g_autoptr(JsonNode) node = parse(cases[i].text);
        struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, &error);
        g_assert_nonnull(dub_json_read_string(&reader, "s", 4));
        dub_json_read_int(&reader, "i", 0, 10);
        struct dub_json_reader sub = dub_json_read_object(&reader, "o", "o.", true);
        dub_json_read_bool(&sub, "b");
        dub_json_read_double_or(&sub, "d", 0);
        g_assert_true(failed);
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_cmpstr(error.message, ==, cases[i].message);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/reader-reads-typed-members", test_reader_reads_typed_members);
    g_test_add_func("/json/first-problem-names-the-field", test_first_problem_names_the_field);
    return g_test_run();
}
