/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_json.h>

#include <string.h>

static void assert_rejected(const char *text, gsize size, const char *why)
{
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = dub_json_parse(text, size, &error);
    g_assert_null(node);
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
    if (strstr(error.message, why) == NULL)
        g_error("\"%s\" was rejected with \"%s\", expected \"%s\"", text, error.message, why);
}

static JsonNode *parse(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    if (node == NULL)
        g_error("\"%s\" was rejected: %s", text, error.message);
    return node;
}

static void test_valid_texts_are_read(void)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        " [ 1 , -0.5e+3 , true,false, null ] ",
                                        "\"a\\u00e9\\ud83d\\ude00\"",
                                        "{\"a\":{\"b\":[{},[[]]]},\"c\":\"\\\\\\\"\\/\\b\\f\\n\\r\\t\"}",
                                        "0",
                                        "-0",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "1e300",
                                        NULL};
    for (unsigned i = 0; texts[i] != NULL; i++) {
        g_autoptr(JsonNode) node = parse(texts[i]);
        g_assert_nonnull(node);
    }
}

static void test_invalid_texts_are_rejected(void)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "unexpected end"},
        {"   ", "unexpected end"},
        {"{", "expected a string"},
        {"{\"a\"", "expected ':'"},
        {"{\"a\":", "unexpected end"},
        {"{\"a\":1", "expected ','"},
        {"{\"a\":1,", "expected a string"},
        {"{\"a\":1,}", "expected a string"},
        {"{a:1}", "expected a string"},
        {"{\"a\" 1}", "expected ':'"},
        {"[", "unexpected end"},
        {"[1,]", "not a JSON value"},
        {"[1 2]", "expected ','"},
        {"[1}", "expected ','"},
        {"{} {}", "text after the value"},
        {"{} x", "text after the value"},
        {"// comment\n{}", "not a JSON value"},
        {"/* comment */ {}", "not a JSON value"},
        {"{}/**/", "text after the value"},
        {"var a = {};", "not a JSON value"},
        {"tru", "not a JSON value"},
        {"True", "not a JSON value"},
        {"NaN", "not a JSON value"},
        {"Infinity", "not a JSON value"},
        {"'a'", "not a JSON value"},
        {"01", "malformed number"},
        {"-", "malformed number"},
        {"1.", "malformed number"},
        {".5", "not a JSON value"},
        {"+1", "not a JSON value"},
        {"1e", "malformed number"},
        {"1e+", "malformed number"},
        {"0x10", "text after the value"},
        {"9223372036854775808", "number out of range"},
        {"-9223372036854775809", "number out of range"},
        {"1e400", "number out of range"},
        {"-1e999999999", "number out of range"},
        {"\"abc", "unterminated string"},
        {"\"abc\\", "unterminated string"},
        {"\"a\nb\"", "control character"},
        {"\"\\x41\"", "unknown escape"},
        {"\"\\u12\"", "malformed \\u"},
        {"\"\\u12g4\"", "malformed \\u"},
        {"\"\\u0000\"", "\\u0000"},
        {"\"\\ud83d\"", "surrogate"},
        {"\"\\ud83dx\"", "surrogate"},
        {"\"\\ud83d\\u0041\"", "surrogate"},
        {"\"\\ude00\"", "surrogate"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_rejected(cases[i].text, strlen(cases[i].text), cases[i].why);
}

static void test_bytes_that_are_not_utf8_are_rejected(void)
{
    assert_rejected("\"\xff\"", 3, "not UTF-8");
    assert_rejected("\"\xed\xa0\x80\"", 5, "not UTF-8");
    assert_rejected("{}\0", 3, "not UTF-8");
}

/* Cutting a text anywhere must not be read past: run under AddressSanitizer, the copy has no byte to spare.
 */
static void test_every_prefix_is_rejected(void)
{
    static const char text[] = "{\"a\":[1.5e3,\"\\ud83d\\ude00\",true,null],\"b\":{\"c\":-7}}";
    for (gsize size = 0; size < strlen(text); size++) {
        g_autofree char *copy = size > 0 ? g_memdup2(text, size) : g_strdup("");
        assert_rejected(copy, size, "invalid JSON");
    }
}

static void test_a_number_of_any_length_is_checked(void)
{
    g_autofree char *digits = g_strnfill(100000, '9');
    assert_rejected(digits, strlen(digits), "number out of range");
}

static void test_depth_is_limited(void)
{
    g_autofree char *opening = g_strnfill(DUB_JSON_MAX_DEPTH, '[');
    g_autofree char *closing = g_strnfill(DUB_JSON_MAX_DEPTH, ']');
    g_autofree char *deepest = g_strconcat(opening, closing, NULL);
    g_autofree char *too_deep = g_strconcat("[", opening, closing, "]", NULL);
    g_autofree char *absurd = g_strnfill(1000000, '[');
    g_autoptr(JsonNode) node = parse(deepest);
    g_assert_nonnull(node);
    assert_rejected(too_deep, strlen(too_deep), "nested too deep");
    assert_rejected(absurd, strlen(absurd), "nested too deep");
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
        {"{\"s\":\"a\",\"i\":1e300}", "i: must be a whole number"},
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
    g_test_add_func("/json/valid-texts-are-read", test_valid_texts_are_read);
    g_test_add_func("/json/invalid-texts-are-rejected", test_invalid_texts_are_rejected);
    g_test_add_func("/json/bytes-that-are-not-utf8-are-rejected", test_bytes_that_are_not_utf8_are_rejected);
    g_test_add_func("/json/every-prefix-is-rejected", test_every_prefix_is_rejected);
    g_test_add_func("/json/a-number-of-any-length-is-checked", test_a_number_of_any_length_is_checked);
    g_test_add_func("/json/depth-is-limited", test_depth_is_limited);
    g_test_add_func("/json/reader-reads-typed-members", test_reader_reads_typed_members);
    g_test_add_func("/json/first-problem-names-the-field", test_first_problem_names_the_field);
    return g_test_run();
}
