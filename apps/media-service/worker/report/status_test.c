/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "status.h"

#include <dubbing_clock.h>
#include <string.h>

static GstStructure *make_dub_stats(void)
{
    GstStructure *reasons = gst_structure_new("r", "TIMEOUT", G_TYPE_UINT64, (guint64)3, NULL);
    GstStructure *stats = gst_structure_new(
        "stsdub-stats", "dub-lag", G_TYPE_INT64, 250 * DUB_NS_PER_MS, "sts-connected", G_TYPE_BOOLEAN, TRUE,
        "sts-reconnects", G_TYPE_UINT64, (guint64)2, "sts-fragments", G_TYPE_UINT64, (guint64)17, "sts-asr",
        G_TYPE_STRING, "whisper", "sts-inflight", G_TYPE_UINT, 1u, "sts-breaker", G_TYPE_STRING, "half_open",
        "sts-backpressure", G_TYPE_STRING, "medium", "sts-rtt-sum-ms", G_TYPE_DOUBLE, 1234.5, "late-blocks",
        G_TYPE_UINT64, (guint64)6, "fallback-reasons", GST_TYPE_STRUCTURE, reasons, NULL);
    GValue counts = G_VALUE_INIT, count = G_VALUE_INIT;

    gst_structure_free(reasons);
    g_value_init(&counts, GST_TYPE_ARRAY);
    g_value_init(&count, G_TYPE_UINT64);
    for (guint64 i = 0; i < 9; i++) {
        g_value_set_uint64(&count, i);
        gst_value_array_append_value(&counts, &count);
    }
    gst_structure_take_value(stats, "sts-rtt-counts", &counts);
    g_value_unset(&count);
    return stats;
}

static void test_gathers_all_parts(void)
{
    struct worker_settings settings = {
        .input_url = (char *)"rtmp://user:secret@host/live/id/in",
        .output_url = (char *)"out.mp4",
        .source_lang = (char *)"en",
        .target_lang = (char *)"es",
        .latency_ns = 3 * DUB_NS_PER_S,
    };
    struct input_facts input = {
        .tracks = {.video_codec = (char *)"H264", .width = 1280, .height = 720, .audio_rate_hz = 44100},
        .connected = true,
        .bytes = 100,
        .reconnects = 4,
    };
    struct output_facts output = {.delay_ns = 3001 * DUB_NS_PER_MS, .bytes = 99};
    struct dub_counts bus_errors = {0};
    struct phrases *phrases = phrases_new(NULL, NULL);
    g_autoptr(GstStructure) dub = make_dub_stats();
    struct dub_worker_status status;

    dub_counts_add(&bus_errors, "output", 5);
    status_fill(&status, &(struct status_sources){&settings, DUB_WORKER_RUNNING, 7 * DUB_NS_PER_S, &input,
                                                  &output, phrases, dub, 5 * DUB_NS_PER_MS / 2, &bus_errors});
    g_assert_null(strstr(status.input.url, "secret"));
    g_assert_cmpint(status.uptime_ms, ==, 7000);
    g_assert_cmpint(status.latency_ms, ==, 3000);
    g_assert_cmpint(status.delay_ms, ==, 3001);
    g_assert_cmpfloat(status.av_sync_delta_ms, ==, 2.5);
    g_assert_cmpint(status.dub_lag_ms, ==, 250);
    g_assert_cmpint(status.late_blocks, ==, 6);
    g_assert_cmpint(status.input.width, ==, 1280);
    g_assert_cmpint(status.input.reconnects, ==, 4);
    g_assert_cmpint(status.sts.breaker, ==, DUB_CONTROL_BREAKER_HALF_OPEN);
    g_assert_cmpint(status.sts.backpressure, ==, DUB_CONTROL_PRESSURE_MEDIUM);
    g_assert_cmpint(status.sts.fragments, ==, 17);
    g_assert_cmpint(status.sts.rtt_counts[8], ==, 8);
    g_assert_cmpstr(status.sts.asr_engine, ==, "whisper");
    g_assert_null(status.sts.tts_engine);
    g_assert_cmpint(dub_counts_get(&status.fallbacks, "TIMEOUT"), ==, 3);
    g_assert_cmpint(dub_counts_get(&status.bus_errors, "output"), ==, 5);
    g_autoptr(JsonNode) node = dub_worker_status_to_json(&status);
    struct dub_worker_status read = {0};
    g_assert_true(dub_worker_status_read(&read, node, NULL));
    dub_worker_status_clear(&read);
    dub_worker_status_clear(&status);
    dub_counts_clear(&bus_errors);
    phrases_free(phrases);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/gathers-all-parts", test_gathers_all_parts);
    return g_test_run();
}
