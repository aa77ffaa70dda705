/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_hooks.h>

static bool read_with_path(const char *path, struct dub_error *error)
{
    struct dub_hook_event event = {
        .path = (char *)path, .source_type = (char *)"rtmpConn", .source_id = (char *)"1"};
    g_autoptr(JsonNode) node = dub_hook_event_to_json(&event);
    struct dub_hook_event read;
    bool ok = dub_hook_event_read(&read, node, error);
    if (ok)
        g_assert_cmpstr(read.query, ==, "");
    dub_hook_event_clear(&read);
    return ok;
}

static void test_whatever_the_router_says_survives(void)
{
    struct dub_error error = {0};
    g_assert_true(read_with_path("live/news/in", &error));
    g_assert_true(read_with_path("live/\"quoted\"\\\n\t\x01/in", &error));
    g_assert_true(read_with_path("что угодно", &error));
}

static void test_bounds(void)
{
    struct dub_error error = {0};
    g_autofree char *at_limit = g_strnfill(DUB_HOOK_PATH_BYTES_MAX, 'p');
    g_autofree char *beyond = g_strnfill(DUB_HOOK_PATH_BYTES_MAX + 1, 'p');
    g_assert_true(read_with_path(at_limit, &error));
    g_assert_false(read_with_path(beyond, &error));
    g_assert_nonnull(strstr(error.message, "path"));
    g_assert_false(read_with_path("", &error));
    g_assert_false(read_with_path("live/\xff/in", &error));
    g_assert_nonnull(strstr(error.message, "UTF-8"));
}

static void test_answer_without_a_run(void)
{
    struct dub_hook_answer answer = {.event_id = (char *)"e", .stream_id = (char *)"news"};
    g_autoptr(JsonNode) node = dub_hook_answer_to_json(&answer);
    struct dub_hook_answer read;
    struct dub_error error = {0};
    g_assert_true(dub_hook_answer_read(&read, node, &error));
    g_assert_cmpstr(read.run_id, ==, "");
    dub_hook_answer_clear(&read);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hooks/whatever-the-router-says-survives", test_whatever_the_router_says_survives);
    g_test_add_func("/hooks/bounds", test_bounds);
    g_test_add_func("/hooks/answer-without-a-run", test_answer_without_a_run);
    return g_test_run();
}
