/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_json.h>

#include <float.h>
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
    g_autofree char *broken = g_strconcat(digits, ".", NULL);
    g_autoptr(JsonNode) node = parse(digits);
    g_assert_cmpfloat(json_node_get_double(node), ==, DBL_MAX);
    assert_rejected(broken, strlen(broken), "malformed number");
}

static void test_numbers_beyond_64_bits_are_doubles(void)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"9223372036854775808", 0x1p63},
        {"-9223372036854775809", -0x1p63},
        {"1e400", DBL_MAX},
        {"-1e999999999", -DBL_MAX},
        {"1e-999", 0},
        {"18446744073709551616", 0x1p64},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = parse(cases[i].text);
        g_assert_cmpint(json_node_get_value_type(node) == G_TYPE_DOUBLE, ==, true);
        g_assert_cmpfloat(json_node_get_double(node), ==, cases[i].value);
    }
    g_autoptr(JsonNode) largest = parse("[9223372036854775807,-9223372036854775808]");
    JsonArray *array = json_node_get_array(largest);
    g_assert_cmpint(json_array_get_int_element(array, 0), ==, G_MAXINT64);
    g_assert_cmpint(json_array_get_int_element(array, 1), ==, G_MININT64);
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

/* n times `item`, with commas between them. Owned by the caller. */
static char *repeated(const char *open, const char *item, unsigned n, const char *close)
{
    GString *text = g_string_new(open);
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? "," : "", item);
    return g_string_free(g_string_append(text, close), FALSE);
}

static void test_members_of_an_object_are_limited(void)
{
    g_autofree char *most = repeated("{", "\"a\":1", DUB_JSON_MAX_MEMBERS, "}");
    g_autofree char *too_many = repeated("{", "\"a\":1", DUB_JSON_MAX_MEMBERS + 1, "}");
    g_autofree char *objects = g_strdup_printf("[%s,%s]", most, most);
    g_autoptr(JsonNode) node = parse(objects);
    g_assert_cmpuint(json_array_get_length(json_node_get_array(node)), ==, 2);
    assert_rejected(too_many, strlen(too_many), "too many members");
}

static void test_values_are_limited(void)
{
    g_autofree char *most = repeated("[", "1", DUB_JSON_MAX_VALUES - 1, "]");
    g_autofree char *too_many = repeated("[", "[]", DUB_JSON_MAX_VALUES, "]");
    g_autoptr(JsonNode) node = parse(most);
    g_assert_cmpuint(json_array_get_length(json_node_get_array(node)), ==, DUB_JSON_MAX_VALUES - 1);
    assert_rejected(too_many, strlen(too_many), "too many values");
}

static void test_values_are_what_the_text_says(void)
{
    g_autoptr(JsonNode) node =
        parse("{\"e\":\"\\\"\\\\\\/"
              "\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00z\",\"\\u0061\":[-7,1.5e3,true,false,null,{},[]],"
              "\"twice\":{\"x\":1},\"twice\":2,\"empty\":\"\"}");
    JsonObject *object = json_node_get_object(node);
    g_assert_cmpstr(json_object_get_string_member(object, "e"), ==, "\"\\/\b\f\n\r\té\U0001f600z");
    g_assert_cmpstr(json_object_get_string_member(object, "empty"), ==, "");
    g_assert_cmpint(json_object_get_int_member(object, "twice"), ==, 2);
    JsonArray *array = json_object_get_array_member(object, "a");
    g_assert_cmpuint(json_array_get_length(array), ==, 7);
    g_assert_cmpint(json_array_get_int_element(array, 0), ==, -7);
    g_assert_cmpfloat(json_array_get_double_element(array, 1), ==, 1500);
    g_assert_true(json_array_get_boolean_element(array, 2));
    g_assert_false(json_array_get_boolean_element(array, 3));
    g_assert_true(json_array_get_null_element(array, 4));
    g_assert_true(JSON_NODE_HOLDS_OBJECT(json_array_get_element(array, 5)));
    g_assert_true(JSON_NODE_HOLDS_ARRAY(json_array_get_element(array, 6)));
}

/* And a text that is cut inside a member has a name and half a tree to give back: LeakSanitizer looks on. */
static void test_long_strings_are_read_whole(void)
{
    g_autofree char *letters = g_strnfill(1000000, 'x');
    g_autofree char *text = g_strdup_printf("[\"%s\",\"%s\\n%s\"]", letters, letters, letters);
    g_autofree char *broken = g_strdup_printf("{\"a\":[{\"b\":\"%s\"},{\"c\"", letters);
    g_autoptr(JsonNode) node = parse(text);
    JsonArray *array = json_node_get_array(node);
    g_assert_cmpstr(json_array_get_string_element(array, 0), ==, letters);
    g_assert_cmpuint(strlen(json_array_get_string_element(array, 1)), ==, 2000001);
    assert_rejected(broken, strlen(broken), "expected ':'");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json-parse/valid-texts-are-read", test_valid_texts_are_read);
    g_test_add_func("/json-parse/invalid-texts-are-rejected", test_invalid_texts_are_rejected);
    g_test_add_func("/json-parse/bytes-that-are-not-utf8-are-rejected",
                    test_bytes_that_are_not_utf8_are_rejected);
    g_test_add_func("/json-parse/every-prefix-is-rejected", test_every_prefix_is_rejected);
    g_test_add_func("/json-parse/a-number-of-any-length-is-checked", test_a_number_of_any_length_is_checked);
    g_test_add_func("/json-parse/numbers-beyond-64-bits-are-doubles",
                    test_numbers_beyond_64_bits_are_doubles);
    g_test_add_func("/json-parse/depth-is-limited", test_depth_is_limited);
    g_test_add_func("/json-parse/members-of-an-object-are-limited", test_members_of_an_object_are_limited);
    g_test_add_func("/json-parse/values-are-limited", test_values_are_limited);
    g_test_add_func("/json-parse/values-are-what-the-text-says", test_values_are_what_the_text_says);
    g_test_add_func("/json-parse/long-strings-are-read-whole", test_long_strings_are_read_whole);
    return g_test_run();
}
