/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_worker_control.h>

/* A worker that has just started knows little, and says so. */
static JsonNode *first_status(void)
{
    struct dub_worker_status status = {.state = DUB_WORKER_CONNECTING, .sts = {.mode = (char *)"enabled"}};
    return dub_worker_status_to_json(&status);
}

static bool read_with_counts(const char *counts, struct dub_error *error)
{
    g_autoptr(JsonNode) node = first_status();
    JsonObject *sts = json_object_get_object_member(json_node_get_object(node), "sts");
    json_object_set_member(json_object_get_object_member(sts, "rtt"), "counts", test_parse_json(counts));
    struct dub_worker_status status;
    bool ok = dub_worker_status_read(&status, node, error);
    dub_worker_status_clear(&status);
    return ok;
}

static void test_first_status(void)
{
    g_autoptr(JsonNode) node = first_status();
    struct dub_worker_status status;
    struct dub_error error = {0};
    g_assert_true(dub_worker_status_read(&status, node, &error));
    g_assert_cmpint(status.state, ==, DUB_WORKER_CONNECTING);
    g_assert_null(status.input.video_codec);
    g_assert_cmpstr(status.input.url, ==, "");
    g_assert_cmpuint(status.fallbacks.n_items, ==, 0);
    dub_worker_status_clear(&status);
}

static void test_histogram(void)
{
    struct dub_error error = {0};
    g_assert_true(read_with_counts("[1,2,3,4,5,6,7,8,9]", &error));
    static const char *const bad[] = {"[1,2,3]", "[1,2,3,4,5,6,7,8,-9]", "[1,2,3,4,5,6,7,8,\"9\"]", "{}",
                                      "[1,2,3,4,5,6,7,8,9,10]"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(read_with_counts(bad[i], &error));
        g_assert_nonnull(strstr(error.message, "sts.rtt.counts"));
    }
}

static void test_many_kinds_are_summed(void)
{
    g_autoptr(JsonNode) node = first_status();
    JsonObject *fallbacks = json_object_get_object_member(json_node_get_object(node), "fallbacks");
    for (int i = 0; i < 500; i++) {
        g_autofree char *name = g_strdup_printf("REASON_%d", i);
        json_object_set_int_member(fallbacks, name, 2);
    }
    struct dub_worker_status status;
    struct dub_error error = {0};
    g_assert_true(dub_worker_status_read(&status, node, &error));
    g_assert_cmpuint(status.fallbacks.n_items, ==, DUB_CONTROL_MAP_MAX);
    int64_t sum = 0;
    for (unsigned i = 0; i < status.fallbacks.n_items; i++)
        sum += status.fallbacks.items[i].count;
    g_assert_cmpint((int)sum, ==, 1000);
    dub_worker_status_clear(&status);
}

static void test_not_a_status(void)
{
    g_autoptr(JsonNode) node = test_parse_json("{\"type\":\"hello\"}");
    struct dub_worker_status status;
    struct dub_error error = {0};
    g_assert_false(dub_worker_status_read(&status, node, &error));
    g_assert_nonnull(strstr(error.message, "type"));
    dub_worker_status_clear(&status);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker-status/of-a-worker-that-just-started", test_first_status);
    g_test_add_func("/worker-status/histogram-is-checked", test_histogram);
    g_test_add_func("/worker-status/many-kinds-are-summed", test_many_kinds_are_summed);
    g_test_add_func("/worker-status/not-a-status", test_not_a_status);
    return g_test_run();
}
