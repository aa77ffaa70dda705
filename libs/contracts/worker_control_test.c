/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_worker_control.h>

static void test_counts_are_bounded(void)
{
    struct dub_counts counts = {0};
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("kind-%d", i);
        dub_counts_add(&counts, name, 1);
    }
    g_assert_cmpuint(counts.n_items, ==, DUB_CONTROL_MAP_MAX);
    g_assert_cmpint((int)dub_counts_get(&counts, "kind-3"), ==, 1);
    g_assert_cmpint((int)dub_counts_get(&counts, "other"), ==, 1000 - (DUB_CONTROL_MAP_MAX - 1));
    g_assert_cmpint((int)dub_counts_get(&counts, "kind-999"), ==, 0);
    dub_counts_clear(&counts);
}

static void test_message_types(void)
{
    static const struct {
        const char *text;
        enum dub_worker_message_type type;
    } cases[] = {
        {"{\"type\":\"hello\"}", DUB_WORKER_MESSAGE_HELLO},
        {"{\"type\":\"status\"}", DUB_WORKER_MESSAGE_STATUS},
        {"{\"type\":\"phrase\"}", DUB_WORKER_MESSAGE_PHRASE},
        {"{\"type\":\"new\"}", DUB_WORKER_MESSAGE_UNKNOWN},
        {"{\"type\":1}", DUB_WORKER_MESSAGE_UNKNOWN},
        {"[]", DUB_WORKER_MESSAGE_UNKNOWN},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = test_parse_json(cases[i].text);
        g_assert_cmpint(dub_worker_message_type(node), ==, cases[i].type);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker-control/counts-are-bounded", test_counts_are_bounded);
    g_test_add_func("/worker-control/message-types", test_message_types);
    return g_test_run();
}
