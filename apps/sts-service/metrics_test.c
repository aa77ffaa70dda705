/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include <string.h>

static void expect_line(const char *exposition, const char *line)
{
    if (!strstr(exposition, line))
        g_error("no %s in:\n%s", line, exposition);
}

static void test_names_and_labels(void)
{
    struct sts_metrics metrics;
    struct dub_error error;
    sts_metrics_init(&metrics);
    dub_error_set_stage(&error, DUB_ERROR_TIMEOUT, DUB_STAGE_TTS, "late");
    sts_metrics_error(&metrics, &error);
    dub_error_set(&error, DUB_ERROR_INVALID_SEQUENCE, "gap");
    sts_metrics_error(&metrics, &error);
    dub_error_set_stage(&error, DUB_ERROR_INTERNAL, DUB_STAGE_ASR, "a code of our own");
    sts_metrics_error(&metrics, &error);
    sts_metrics_connection(&metrics, "accepted");
    sts_metrics_wait(&metrics, "asr", 0.2);
    sts_metrics_depth(&metrics, "asr", 4);

    g_autofree char *exposition = dub_metrics_format(metrics.registry);
    expect_line(exposition, "sts_fragment_errors_total{stage=\"tts\",error_code=\"TIMEOUT\"} 1");
    expect_line(exposition, "sts_fragment_errors_total{stage=\"none\",error_code=\"INVALID_SEQUENCE\"} 1");
    expect_line(exposition, "sts_fragment_errors_total{stage=\"asr\",error_code=\"MODEL_ERROR\"} 1");
    expect_line(exposition, "sts_connections_total{result=\"accepted\"} 1");
    expect_line(exposition, "sts_queue_wait_seconds_bucket{stage=\"asr\",le=\"0.25\"} 1");
    expect_line(exposition, "sts_queue_depth{stage=\"asr\"} 4");
    expect_line(exposition, "sts_fragments_in_flight 0");
    sts_metrics_clear(&metrics);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metrics/names-and-labels", test_names_and_labels);
    return g_test_run();
}
