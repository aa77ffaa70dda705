/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_rest.h>

static void test_rest_error(void)
{
    struct dub_error error;
    dub_error_set_stage(&error, DUB_ERROR_TIMEOUT, DUB_STAGE_ASR, "late");
    g_autoptr(JsonNode) node = dub_process_error_to_json(TEST_UUID, &error);
    g_autofree char *text = dub_json_to_string(node);
    g_assert_cmpstr(text, ==,
                    "{\"fragment_id\":\"" TEST_UUID "\",\"status\":\"error\",\"error\":{\"stage\":\"asr\","
                    "\"code\":\"TIMEOUT\",\"message\":\"late\",\"retryable\":true}}");
    for (int code = 0; code < DUB_ERROR_CODE_COUNT; code++) {
        unsigned status = dub_process_error_status((enum dub_error_code)code);
        g_assert_true(status >= 400 && status < 600);
    }
    g_assert_cmpuint(dub_process_error_status(DUB_ERROR_FRAGMENT_TOO_LARGE), ==, 413);
    g_assert_cmpuint(dub_process_error_status(DUB_ERROR_QUEUE_FULL), ==, 503);
}

/* Whatever goes wrong inside, a client is told a code of the protocol. */
static void test_codes_are_those_of_the_protocol(void)
{
    for (int code = DUB_ERROR_NONE + 1; code < DUB_ERROR_CODE_COUNT; code++) {
        struct dub_error error;
        dub_error_set(&error, (enum dub_error_code)code, "x");
        g_autoptr(JsonNode) node = dub_process_error_to_json(NULL, &error);
        JsonObject *said = json_object_get_object_member(json_node_get_object(node), "error");
        enum dub_error_code wire = dub_error_code_from_name(json_object_get_string_member(said, "code"));
        g_assert_cmpint(wire, >=, DUB_ERROR_TIMEOUT);
        if (code >= DUB_ERROR_TIMEOUT)
            g_assert_cmpint(wire, ==, code);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/errors", test_rest_error);
    g_test_add_func("/rest/codes-are-those-of-the-protocol", test_codes_are_those_of_the_protocol);
    return g_test_run();
}
