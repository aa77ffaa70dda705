/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_events.h>

static void test_unknown_error_code_keeps_the_message(void)
{
    g_autoptr(JsonNode) node =
        test_parse_json("{\"fragment_id\":\"" TEST_UUID "\",\"stream_id\":\"a\",\"sequence_number\":1,"
                        "\"status\":\"failed\",\"processing_time_ms\":12.7,\"error\":"
                        "{\"code\":\"OF_THE_FUTURE\",\"stage\":\"lipsync\",\"message\":\"m\","
                        "\"retryable\":true}}");
    struct dub_fragment_processed processed;
    struct dub_error error = {0};
    g_assert_true(dub_fragment_processed_read(&processed, node, &error));
    g_assert_cmpint(processed.error.code, ==, DUB_ERROR_INTERNAL);
    g_assert_cmpint(processed.error.stage, ==, DUB_STAGE_NONE);
    g_assert_true(processed.error.retryable);
    g_assert_cmpstr(processed.error.message, ==, "m");
    g_assert_cmpint((int)processed.processing_time_ms, ==, 13);
    g_assert_null(processed.dubbed_audio.data);
    dub_fragment_processed_clear(&processed);
}

static void test_status_says_what_is_required(void)
{
    static const struct {
        const char *status, *missing;
    } cases[] = {{"failed", "error"}, {"success", "dubbed_audio"}, {"partial", "dubbed_audio"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("{\"fragment_id\":\"" TEST_UUID "\",\"stream_id\":\"a\","
                                                "\"sequence_number\":1,\"status\":\"%s\"}",
                                                cases[i].status);
        g_autoptr(JsonNode) node = test_parse_json(text);
        struct dub_fragment_processed processed;
        struct dub_error error = {0};
        g_assert_false(dub_fragment_processed_read(&processed, node, &error));
        g_assert_true(g_str_has_prefix(error.message, cases[i].missing));
        dub_fragment_processed_clear(&processed);
    }
}

static void test_counts_have_two_places(void)
{
    struct dub_stream_complete complete = {
        .stream_id = g_strdup("a"), .total_fragments = 2, .failed_count = 1};
    complete.errors_by_code[DUB_ERROR_TIMEOUT] = 1;
    complete.errors_by_stage[DUB_STAGE_TTS] = 1;
    g_autoptr(JsonNode) node = dub_stream_complete_to_json(&complete);
    JsonObject *object = json_node_get_object(node);
    JsonObject *inner = json_object_get_object_member(object, "statistics");
    g_assert_cmpint((int)json_object_get_int_member(object, "total_fragments"), ==, 2);
    g_assert_cmpint((int)json_object_get_int_member(inner, "failed_count"), ==, 1);
    JsonObject *breakdown = json_object_get_object_member(inner, "error_breakdown");
    g_assert_cmpint(
        (int)json_object_get_int_member(json_object_get_object_member(breakdown, "by_code"), "TIMEOUT"), ==,
        1);
    dub_stream_complete_clear(&complete);
}

/* Codes that are local to the service are told as the fragments were told them. */
static void test_no_other_codes_leave(void)
{
    struct dub_stream_complete complete = {.stream_id = g_strdup("a")};
    for (unsigned code = DUB_ERROR_NONE + 1; code < DUB_ERROR_CODE_COUNT; code++)
        complete.errors_by_code[code] = 1;
    g_autoptr(JsonNode) node = dub_stream_complete_to_json(&complete);
    JsonObject *breakdown = json_object_get_object_member(json_node_get_object(node), "error_breakdown");
    JsonObject *by_code = json_object_get_object_member(breakdown, "by_code");
    g_assert_cmpuint(json_object_get_size(by_code), ==, DUB_ERROR_CODE_COUNT - DUB_ERROR_TIMEOUT);
    g_assert_cmpint((int)json_object_get_int_member(by_code, "ASR_FAILED"), ==, 1);
    /* Itself, IO_ERROR, UNAVAILABLE, BREAKER_OPEN and INTERNAL_ERROR. */
    g_assert_cmpint((int)json_object_get_int_member(by_code, "MODEL_ERROR"), ==, 5);
    dub_stream_complete_clear(&complete);
}

static void test_an_error_event_speaks_the_protocol(void)
{
    struct dub_error_event event = {.severity = DUB_SEVERITY_ERROR};
    dub_error_set(&event.error, DUB_ERROR_PROTOCOL, "x");
    g_autoptr(JsonNode) node = dub_error_event_to_json(&event);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(node), "code"), ==, "INVALID_CONFIG");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/service-events/unknown-error-code-keeps-the-message",
                    test_unknown_error_code_keeps_the_message);
    g_test_add_func("/service-events/status-says-what-is-required", test_status_says_what_is_required);
    g_test_add_func("/service-events/complete-has-the-counts-twice", test_counts_have_two_places);
    g_test_add_func("/service-events/no-other-codes-leave", test_no_other_codes_leave);
    g_test_add_func("/service-events/an-error-event-speaks-the-protocol",
                    test_an_error_event_speaks_the_protocol);
    return g_test_run();
}
