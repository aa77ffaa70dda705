/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_metrics.h>

#include <gio/gio.h>
#include <math.h>
#include <string.h>

static const double bounds[] = {0.5, 1, 2.5};
static const struct dub_metric_spec requests = {.name = "app_requests_total",
                                                .help = "Requests.\\ \nTwo lines.",
                                                .type = DUB_METRIC_COUNTER,
                                                .labels = {"path", "code"}};
static const struct dub_metric_spec temperature = {
    .name = "app_temperature_celsius", .help = "Temperature.", .type = DUB_METRIC_GAUGE};
static const struct dub_metric_spec latency = {.name = "app_latency_seconds",
                                               .help = "Latency.",
                                               .type = DUB_METRIC_HISTOGRAM,
                                               .labels = {"stream_id"},
                                               .buckets = bounds,
                                               .n_buckets = 3};
static const struct dub_metric_spec bounded = {.name = "app_bounded_total",
                                               .help = "Bounded.",
                                               .type = DUB_METRIC_COUNTER,
                                               .labels = {"name"},
                                               .max_series = 2};

#define V(...) ((const char *const[]){__VA_ARGS__})

static void test_exposition(void)
{
    struct dub_metrics *metrics = dub_metrics_new();
    struct dub_metric *r = dub_metrics_add(metrics, &requests);
    struct dub_metric *t = dub_metrics_add(metrics, &temperature);
    struct dub_metric *l = dub_metrics_add(metrics, &latency);
    dub_metric_inc(r, 1, V("/b", "200"));
    dub_metric_inc(r, 2, V("/a\"\\\n", "200"));
    dub_metric_set(t, -3.25, NULL);
    dub_metric_observe(l, 0.5, V("s"));
    dub_metric_observe(l, 0.7, V("s"));
    dub_metric_observe(l, 100, V("s"));
    g_autofree char *text = dub_metrics_format(metrics);
    g_assert_cmpstr(text, ==,
                    "# HELP app_requests_total Requests.\\\\ \\nTwo lines.\n"
                    "# TYPE app_requests_total counter\n"
                    "app_requests_total{path=\"/a\\\"\\\\\\n\",code=\"200\"} 2\n"
                    "app_requests_total{path=\"/b\",code=\"200\"} 1\n"
                    "# HELP app_temperature_celsius Temperature.\n"
                    "# TYPE app_temperature_celsius gauge\n"
                    "app_temperature_celsius -3.25\n"
                    "# HELP app_latency_seconds Latency.\n"
                    "# TYPE app_latency_seconds histogram\n"
                    "app_latency_seconds_bucket{stream_id=\"s\",le=\"0.5\"} 1\n"
                    "app_latency_seconds_bucket{stream_id=\"s\",le=\"1\"} 2\n"
                    "app_latency_seconds_bucket{stream_id=\"s\",le=\"2.5\"} 2\n"
                    "app_latency_seconds_bucket{stream_id=\"s\",le=\"+Inf\"} 3\n"
                    "app_latency_seconds_sum{stream_id=\"s\"} 101.2\n"
                    "app_latency_seconds_count{stream_id=\"s\"} 3\n");
    dub_metrics_free(metrics);
}

static void test_values_can_be_read_back(void)
{
    struct dub_metrics *metrics = dub_metrics_new();
    struct dub_metric *r = dub_metrics_add(metrics, &requests);
    struct dub_metric *l = dub_metrics_add(metrics, &latency);
    dub_metric_inc(r, 1.5, V("/", "1"));
    dub_metric_inc(r, 1, V("/", "1"));
    dub_metric_observe(l, NAN, V("s"));
    g_assert_cmpfloat(dub_metric_get(r, V("/", "1")), ==, 2.5);
    g_assert_cmpfloat(dub_metric_get(r, V("/", "2")), ==, 0);
    g_assert_cmpfloat(dub_metric_get(l, V("s")), ==, 1);
    dub_metrics_free(metrics);
    dub_metrics_free(NULL);
}

static void test_histograms_can_be_replaced(void)
{
    static const uint64_t counts[] = {1, 2, 3, 4};
    struct dub_metrics *metrics = dub_metrics_new();
    struct dub_metric *l = dub_metrics_add(metrics, &latency);
    dub_metric_observe(l, 1, V("s"));
    dub_metric_set_histogram(l, counts, 55, V("s"));
    g_autofree char *text = dub_metrics_format(metrics);
    g_assert_cmpfloat(dub_metric_get(l, V("s")), ==, 10);
    g_assert_nonnull(strstr(text, "le=\"2.5\"} 6\n"));
    g_assert_nonnull(strstr(text, "_sum{stream_id=\"s\"} 55\n"));
    dub_metrics_free(metrics);
}

static void test_series_are_bounded(void)
{
    struct dub_metrics *metrics = dub_metrics_new();
    struct dub_metric *b = dub_metrics_add(metrics, &bounded);
    for (unsigned i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i);
        dub_metric_inc(b, 1, V(name));
    }
    g_assert_cmpfloat(dub_metric_get(b, V("n0")), ==, 1);
    g_assert_cmpfloat(dub_metric_get(b, V("n2")), ==, 0);
    g_assert_cmpfloat(dub_metric_get(b, V("other")), ==, 998);
    dub_metrics_free(metrics);
}

static void test_ended_streams_are_forgotten(void)
{
    struct dub_metrics *metrics = dub_metrics_new();
    struct dub_metric *r = dub_metrics_add(metrics, &requests);
    struct dub_metric *l = dub_metrics_add(metrics, &latency);
    dub_metric_observe(l, 1, V("a"));
    dub_metric_observe(l, 1, V("b"));
    dub_metric_inc(r, 1, V("a", "a"));
    dub_metric_drop(r, V("b", "a"));
    g_assert_cmpfloat(dub_metric_get(r, V("a", "a")), ==, 1);
    dub_metric_inc(r, 1, V("b", "a"));
    dub_metric_drop(r, V("b", "a"));
    g_assert_cmpfloat(dub_metric_get(r, V("b", "a")), ==, 0);
    dub_metrics_drop_label(metrics, "stream_id", "a");
    g_assert_cmpfloat(dub_metric_get(l, V("a")), ==, 0);
    g_assert_cmpfloat(dub_metric_get(l, V("b")), ==, 1);
    g_assert_cmpfloat(dub_metric_get(r, V("a", "a")), ==, 1);
    dub_metrics_free(metrics);
}

/* The reference reader of the format. It also checks style, with the exit code 3, which these names pass. */
static void test_promtool_accepts_it(void)
{
    g_autofree char *promtool = g_find_program_in_path("promtool");
    if (promtool == NULL) {
        g_test_skip("promtool is not installed");
        return;
    }
    struct dub_metrics *metrics = dub_metrics_new();
    struct dub_metric *r = dub_metrics_add(metrics, &requests);
    struct dub_metric *t = dub_metrics_add(metrics, &temperature);
    struct dub_metric *l = dub_metrics_add(metrics, &latency);
    dub_metric_inc(r, 1e300, V("\"\\\n\xff\xc3\xa9", NULL));
    dub_metric_set(t, INFINITY, NULL);
    dub_metric_observe(l, 0.1, V("s"));
    dub_metric_observe(l, 0.1, V(""));
    g_autofree char *text = dub_metrics_format(metrics);
    g_autofree char *answer = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_new(
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE,
        NULL, promtool, "check", "metrics", NULL);
    g_assert_true(g_subprocess_communicate_utf8(process, text, NULL, &answer, NULL, NULL));
    if (!g_subprocess_get_successful(process))
        g_error("promtool: %s", answer);
    dub_metrics_free(metrics);
}

static void *count_up(void *user)
{
    for (unsigned i = 0; i < 10000; i++)
        dub_metric_inc(user, 1, V("a", "b"));
    return NULL;
}

static void test_threads_lose_no_update(void)
{
    struct dub_metrics *metrics = dub_metrics_new();
    struct dub_metric *r = dub_metrics_add(metrics, &requests);
    GThread *threads[4];
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("counter", count_up, r);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_assert_cmpfloat(dub_metric_get(r, V("a", "b")), ==, 40000);
    dub_metrics_free(metrics);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metrics/exposition", test_exposition);
    g_test_add_func("/metrics/values-can-be-read-back", test_values_can_be_read_back);
    g_test_add_func("/metrics/histograms-can-be-replaced", test_histograms_can_be_replaced);
    g_test_add_func("/metrics/series-are-bounded", test_series_are_bounded);
    g_test_add_func("/metrics/ended-streams-are-forgotten", test_ended_streams_are_forgotten);
    g_test_add_func("/metrics/promtool-accepts-it", test_promtool_accepts_it);
    g_test_add_func("/metrics/threads-lose-no-update", test_threads_lose_no_update);
    return g_test_run();
}
