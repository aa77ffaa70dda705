/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_amf.h"

#include <string.h>

static GPtrArray *read_bytes(const void *data, size_t size, struct dub_error *error)
{
    struct dub_reader reader = dub_reader_on(data, size);
    return amf_read_all(&reader, error);
}

#define READ(error, ...)                                                                                     \
    read_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), error)

static void assert_fails(GPtrArray *values, const struct dub_error *error, const char *word)
{
    g_assert_null(values);
    g_assert_cmpint(error->code, ==, DUB_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, word));
}

static void test_round_trip(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    amf_write_string(bytes, "connect");
    amf_write_number(bytes, 1.5);
    amf_write_boolean(bytes, true);
    amf_write_null(bytes);
    amf_write_object_begin(bytes);
    amf_write_name(bytes, "app");
    amf_write_string(bytes, "live");
    amf_write_name(bytes, "audioCodecs");
    amf_write_number(bytes, 3191);
    amf_write_object_end(bytes);
    g_autoptr(GPtrArray) values = read_bytes(bytes->data, bytes->len, NULL);
    g_assert_cmpuint(values->len, ==, 5);
    g_assert_cmpstr(amf_string_or(amf_at(values, 0), ""), ==, "connect");
    g_assert_cmpfloat(amf_number_or(amf_at(values, 1), 0), ==, 1.5);
    g_assert_cmpint(amf_at(values, 2)->type, ==, AMF_BOOLEAN);
    g_assert_cmpfloat(amf_at(values, 2)->number, ==, 1);
    g_assert_cmpint(amf_at(values, 3)->type, ==, AMF_NULL);
    g_assert_cmpstr(amf_string_or(amf_member(amf_at(values, 4), "app"), ""), ==, "live");
    g_assert_cmpfloat(amf_number_or(amf_member(amf_at(values, 4), "audioCodecs"), 0), ==, 3191);
    g_assert_null(amf_member(amf_at(values, 4), "nothing"));
    g_assert_null(amf_at(values, 5));
}

/* Bytes put down by hand from section 2: every marker that is read. */
static void test_all_types(void)
{
    g_autoptr(GPtrArray) values =
        READ(NULL, 0x0c, 0, 0, 0, 2, 'h', 'i',                    /* long string */
             0x0f, 0, 0, 0, 1, 'x',                               /* XML */
             0x06, 0x0d, 0x07, 0, 1,                              /* undefined, unsupported, reference */
             0x0b, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0,               /* date 2.0 and a time zone */
             0x08, 0, 0, 0, 9, 0, 1, 'k', 0x01, 0x01, 0, 0, 0x09, /* ECMA array, wrong count */
             0x10, 0, 2, 'C', 'l', 0, 1, 'm', 0x05, 0, 0, 0x09,   /* typed object */
             0x0a, 0, 0, 0, 2, 0x05, 0x02, 0, 1, 's');            /* strict array */
    static const enum amf_type types[] = {AMF_STRING, AMF_STRING, AMF_NULL,   AMF_NULL, AMF_NULL,
                                          AMF_DATE,   AMF_OBJECT, AMF_OBJECT, AMF_ARRAY};
    g_assert_nonnull(values);
    g_assert_cmpuint(values->len, ==, G_N_ELEMENTS(types));
    for (guint i = 0; i < values->len; i++)
        g_assert_cmpint(amf_at(values, i)->type, ==, types[i]);
    g_assert_cmpstr(amf_string_or(amf_at(values, 0), ""), ==, "hi");
    g_assert_cmpfloat(amf_at(values, 5)->number, ==, 2);
    g_assert_cmpfloat(amf_member(amf_at(values, 6), "k")->number, ==, 1);
    g_assert_cmpint(amf_member(amf_at(values, 7), "m")->type, ==, AMF_NULL);
    const struct amf_member *second = amf_at(values, 8)->members->pdata[1];
    g_assert_cmpstr(amf_string_or(second->value, ""), ==, "s");
}

static void test_wrong_types_give_fallbacks(void)
{
    g_autoptr(GPtrArray) values = READ(NULL, 0x05);
    g_assert_cmpstr(amf_string_or(amf_at(values, 0), "fallback"), ==, "fallback");
    g_assert_cmpfloat(amf_number_or(amf_at(values, 0), 7), ==, 7);
    g_assert_cmpfloat(amf_number_or(NULL, 8), ==, 8);
    g_assert_null(amf_member(amf_at(values, 0), "x"));
    g_assert_null(amf_member(NULL, "x"));
}

/* NUL or bytes that are no UTF-8 could mean one thing here and another elsewhere: the text is empty. */
static void test_odd_text_is_empty(void)
{
    g_autoptr(GPtrArray) values = READ(NULL, 0x02, 0, 3, 'a', 0, 'b', 0x02, 0, 2, 0xff, 0xfe);
    g_assert_cmpstr(amf_string_or(amf_at(values, 0), "?"), ==, "");
    g_assert_cmpstr(amf_string_or(amf_at(values, 1), "?"), ==, "");
}

static void test_cut_off(void)
{
    static const uint8_t whole[] = {0x03, 0, 1, 'n', 0x00, 0x40, 0,    0,    0, 0, 0, 0, 0, 0, 1, 's',
                                    2,    0, 1, 'x', 0,    0x01, 0x61, 0x0a, 0, 0, 0, 1, 5, 0, 0, 9};
    g_autoptr(GPtrArray) fine = read_bytes(whole, sizeof whole, NULL);
    g_assert_nonnull(fine);
    for (size_t size = 1; size < sizeof whole; size++) {
        struct dub_error error = {0};
        g_assert_null(read_bytes(whole, size, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
    }
}

static void test_unknown_type(void)
{
    struct dub_error error = {0};
    assert_fails(READ(&error, 0x11), &error, "unknown type");
    assert_fails(READ(&error, 0x04), &error, "unknown type");
    assert_fails(READ(&error, 0x09), &error, "unknown type");
}

/* Strict arrays of one element, one in the other. */
static GPtrArray *read_nested(unsigned depth, struct dub_error *error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    for (unsigned i = 1; i < depth; i++)
        g_byte_array_append(bytes, (const uint8_t[]){0x0a, 0, 0, 0, 1}, 5);
    g_byte_array_append(bytes, (const uint8_t[]){0x05}, 1);
    return read_bytes(bytes->data, bytes->len, error);
}

static void test_depth_is_limited(void)
{
    struct dub_error error = {0};
    g_autoptr(GPtrArray) fine = read_nested(AMF_MAX_DEPTH, &error);
    g_assert_nonnull(fine);
    assert_fails(read_nested(AMF_MAX_DEPTH + 1, &error), &error, "too deep");
    assert_fails(read_nested(100000, &error), &error, "too deep");
}

static void test_count_is_limited(void)
{
    struct dub_error error = {0};
    uint8_t nulls[AMF_MAX_VALUES + 1];
    memset(nulls, 0x05, sizeof nulls);
    g_autoptr(GPtrArray) fine = read_bytes(nulls, AMF_MAX_VALUES, &error);
    g_assert_nonnull(fine);
    assert_fails(read_bytes(nulls, sizeof nulls, &error), &error, "too many");
    /* An array that claims four thousand million elements allocates for none of them. */
    assert_fails(READ(&error, 0x0a, 0xff, 0xff, 0xff, 0xff), &error, "cut off");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/amf/round-trip", test_round_trip);
    g_test_add_func("/amf/all-types", test_all_types);
    g_test_add_func("/amf/wrong-types-give-fallbacks", test_wrong_types_give_fallbacks);
    g_test_add_func("/amf/odd-text-is-empty", test_odd_text_is_empty);
    g_test_add_func("/amf/cut-off-fails", test_cut_off);
    g_test_add_func("/amf/unknown-type-fails", test_unknown_type);
    g_test_add_func("/amf/depth-is-limited", test_depth_is_limited);
    g_test_add_func("/amf/count-is-limited", test_count_is_limited);
    return g_test_run();
}
