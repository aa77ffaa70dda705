/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_events.h>
#include <string.h>

static void fill_fragment(struct dub_fragment_data *fragment, gsize bytes, int64_t duration_ms)
{
    dub_fragment_data_init(fragment);
    fragment->fragment_id = g_strdup(TEST_UUID);
    fragment->stream_id = g_strdup("news");
    fragment->timestamp_ms = 1;
    fragment->audio = (struct dub_audio){
        .format = DUB_FORMAT_PCM_S16LE,
        .sample_rate_hz = 24000,
        .channels = 1,
        .duration_ms = duration_ms,
        .data = g_bytes_new_take(g_malloc0(bytes), bytes),
    };
}

static bool read_changed(const char *member, JsonNode *take_value, bool in_audio,
                         struct dub_fragment_data *read, struct dub_error *error)
{
    struct dub_fragment_data fragment;
    fill_fragment(&fragment, 480, 10);
    g_autoptr(JsonNode) node = dub_fragment_data_to_json(&fragment);
    dub_fragment_data_clear(&fragment);
    JsonObject *object = json_node_get_object(node);
    if (in_audio)
        object = json_object_get_object_member(object, "audio");
    json_object_set_member(object, member, take_value);
    return dub_fragment_data_read(read, node, error);
}

static bool init_with_hints(JsonArray *take_hints, struct dub_error *error)
{
    struct dub_stream_init init;
    dub_stream_init_init(&init);
    init.stream_id = g_strdup("a");
    init.worker_id = g_strdup("b");
    init.config.source_language = g_strdup("en");
    init.config.target_language = g_strdup("es");
    g_autoptr(JsonNode) node = dub_stream_init_to_json(&init);
    dub_stream_init_clear(&init);
    json_object_set_array_member(json_object_get_object_member(json_node_get_object(node), "config"),
                                 "domain_hints", take_hints);
    bool ok = dub_stream_init_read(&init, node, error);
    dub_stream_init_clear(&init);
    return ok;
}

static void test_bad_address_is_not_addressed(void)
{
    static const struct {
        const char *member, *value;
    } cases[] = {
        {"fragment_id", "\"1\""},     {"fragment_id", "\"0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e7g\""},
        {"stream_id", "\"a b\""},     {"stream_id", "\"\""},
        {"sequence_number", "-1"},    {"sequence_number", "2147483648"},
        {"sequence_number", "\"0\""}, {"sequence_number", "0.5"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct dub_fragment_data read;
        struct dub_error error = {0};
        g_assert_false(read_changed(cases[i].member, test_parse_json(cases[i].value), false, &read, &error));
        g_assert_false(read.addressed);
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
        g_assert_nonnull(strstr(error.message, cases[i].member));
        dub_fragment_data_clear(&read);
    }
}

static void test_init_defaults(void)
{
    g_autoptr(JsonNode) node =
        test_parse_json("{\"stream_id\":\"a\",\"worker_id\":\"b\",\"config\":"
                        "{\"source_language\":\"en\",\"target_language\":\"pt-BR\",\"channels\":null}}");
    struct dub_stream_init init;
    struct dub_error error = {0};
    g_assert_true(dub_stream_init_read(&init, node, &error));
    g_assert_cmpstr(init.config.voice_profile, ==, "default");
    g_assert_cmpint(init.config.sample_rate_hz, ==, DUB_SAMPLE_RATE_HZ_DEFAULT);
    g_assert_cmpint(init.config.channels, ==, 1);
    g_assert_cmpint(init.max_inflight, ==, 3);
    g_assert_cmpint(init.timeout_ms, ==, 8000);
    g_assert_null(init.config.domain_hints);
    dub_stream_init_clear(&init);
}

static void test_domain_hints_are_bounded(void)
{
    JsonArray *many = json_array_new();
    for (int i = 0; i <= DUB_DOMAIN_HINTS_MAX; i++)
        json_array_add_string_element(many, "goal");
    JsonArray *numbers = json_array_new();
    json_array_add_int_element(numbers, 1);
    JsonArray *longish = json_array_new();
    g_autofree char *word = g_strnfill(DUB_DOMAIN_HINT_BYTES_MAX + 1, 'w');
    json_array_add_string_element(longish, word);
    struct dub_error error = {0};
    g_assert_false(init_with_hints(many, &error));
    g_assert_cmpstr(error.message, ==, "config.domain_hints: has 65 entries, at most 64 are allowed");
    g_assert_false(init_with_hints(numbers, &error));
    g_assert_false(init_with_hints(longish, &error));
    g_assert_true(init_with_hints(json_array_new(), &error));
}

/* The address is read where there is nothing else, or nothing good. */
static void test_address_alone(void)
{
    struct dub_fragment_data read;
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = test_parse_json("{\"fragment_id\": \"0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e70\","
                                               "\"stream_id\": \"news\", \"sequence_number\": 7,"
                                               "\"audio\": {\"data_base64\": \"!\"}}");
    g_assert_true(dub_fragment_address_read(&read, node, &error));
    g_assert_true(read.addressed);
    g_assert_cmpstr(read.fragment_id, ==, "0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e70");
    g_assert_cmpstr(read.stream_id, ==, "news");
    g_assert_cmpint((int)read.sequence_number, ==, 7);
    g_assert_null(read.audio.data);
    dub_fragment_data_clear(&read);
    json_object_remove_member(json_node_get_object(node), "stream_id");
    g_assert_false(dub_fragment_address_read(&read, node, &error));
    g_assert_false(read.addressed);
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_cmpstr(error.message, ==, "stream_id: is missing");
    dub_fragment_data_clear(&read);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker-events/bad-address-is-not-addressed", test_bad_address_is_not_addressed);
    g_test_add_func("/worker-events/address-alone", test_address_alone);
    g_test_add_func("/worker-events/init-has-defaults", test_init_defaults);
    g_test_add_func("/worker-events/domain-hints-are-bounded", test_domain_hints_are_bounded);
    return g_test_run();
}
