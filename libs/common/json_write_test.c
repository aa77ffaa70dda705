/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_json.h>

#include <math.h>
#include <string.h>

static JsonNode *parse(const char *text)
{
    struct dub_error error = {0};
    JsonNode *node = dub_json_parse(text, strlen(text), &error);
    if (node == NULL)
        g_error("\"%s\" was rejected: %s", text, error.message);
    return node;
}

static void test_text_round_trips(void)
{
    g_autoptr(JsonNode) node = parse("{\"a\":[1,2.5,\"x\\n\",null,true]}");
    g_autofree char *text = dub_json_to_string(node);
    g_assert_cmpstr(text, ==, "{\"a\":[1,2.5,\"x\\n\",null,true]}");
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "n", 3);
    g_autofree char *taken = dub_json_object_to_string_take(object);
    g_assert_cmpstr(taken, ==, "{\"n\":3}");
}

static void test_written_text_is_always_valid(void)
{
    char all[256] = {0};
    for (int i = 1; i < 128; i++)
        all[i - 1] = (char)i;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, all, all);
    g_autofree char *text = dub_json_object_to_string_take(object);
    g_autoptr(JsonNode) node = parse(text);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(node), all), ==, all);
}

static void test_numbers_round_trip(void)
{
    const char *const texts[] = {"[0]",
                                 "[-1]",
                                 "[9223372036854775807]",
                                 "[-9223372036854775808]",
                                 "[0.5]",
                                 "[1.0]",
                                 "[-0.0]",
                                 "[4e+22]",
                                 "[1e-07]",
                                 "[1e+300]",
                                 "[1.5e+300]",
                                 "[1.1]",
                                 "[0.30000000000000004]"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(JsonNode) node = parse(texts[i]);
        g_autofree char *text = dub_json_to_string(node);
        g_assert_cmpstr(text, ==, texts[i]);
    }
    g_autoptr(JsonNode) infinite = json_node_init_double(json_node_alloc(), HUGE_VAL);
    g_autofree char *text = dub_json_to_string(infinite);
    g_assert_cmpstr(text, ==, "null");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json-write/text-round-trips", test_text_round_trips);
    g_test_add_func("/json-write/written-text-is-always-valid", test_written_text_is_always_valid);
    g_test_add_func("/json-write/numbers-round-trip", test_numbers_round_trip);
    return g_test_run();
}
