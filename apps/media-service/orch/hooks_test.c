/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hooks.h"

#include <dubbing_json.h>
#include <string.h>

static bool read_text(struct hook *hook, const char *text, struct dub_error *error)
{
    g_autoptr(JsonNode) node = dub_json_parse(text, strlen(text), error);
    g_assert_nonnull(node);
    return hook_read(hook, json_node_get_object(node), error);
}

#define REST "\"query\":\"\",\"sourceType\":\"rtmpConn\",\"sourceId\":\"x\"}"

static void test_stream_id_is_taken_from_the_path(void)
{
    struct hook hook;
    struct dub_error error = {0};
    g_assert_true(read_text(&hook, "{\"path\":\"live/demo-1/in\"," REST, &error));
    g_assert_cmpstr(hook.stream_id, ==, "demo-1");
    g_assert_cmpstr(hook.event.source_id, ==, "x");
    hook_clear(&hook);
    hook_clear(&hook);
}

static void test_hostile_bodies_are_refused(void)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{\"path\":\"live/demo/out\"," REST, "live/<streamId>/in"},
        {"{\"path\":\"live/../in\"," REST, "live/<streamId>/in"},
        {"{\"path\":\"live/a/b/in\"," REST, "live/<streamId>/in"},
        {"{\"path\":\"live/\\u001b[31m/in\"," REST, "live/<streamId>/in"},
        {"{\"path\":\"\"," REST, "path"},
        {"{\"path\":7," REST, "path: must be a string"},
        {"{" REST, "path: is missing"},
        {"{\"path\":\"live/demo/in\"}", "is missing"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct hook hook;
        struct dub_error error = {0};
        g_assert_false(read_text(&hook, cases[i].text, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
        if (strstr(error.message, cases[i].why) == NULL)
            g_error("%s: %s", cases[i].text, error.message);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hooks/stream-id-is-taken-from-the-path", test_stream_id_is_taken_from_the_path);
    g_test_add_func("/hooks/hostile-bodies-are-refused", test_hostile_bodies_are_refused);
    return g_test_run();
}
