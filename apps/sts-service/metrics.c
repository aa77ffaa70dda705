/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include <dubbing_events.h>

static const double seconds_buckets[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16};

#define SECONDS .buckets = seconds_buckets, .n_buckets = G_N_ELEMENTS(seconds_buckets)

static struct dub_metric *add(struct sts_metrics *metrics, const struct dub_metric_spec *spec)
{
    return dub_metrics_add(metrics->registry, spec);
}

static void add_histograms(struct sts_metrics *metrics)
{
    static const struct dub_metric_spec processing = {
        .name = "sts_fragment_processing_seconds",
        .help = "Time from a fragment's arrival to its answer.",
        .type = DUB_METRIC_HISTOGRAM,
        .labels = {"status"},
        SECONDS,
    };
    static const struct dub_metric_spec asr = {
        .name = "sts_asr_duration_seconds",
        .help = "Time spent in speech recognition.",
        .type = DUB_METRIC_HISTOGRAM,
        SECONDS,
    };
    static const struct dub_metric_spec translation = {
        .name = "sts_translation_duration_seconds",
        .help = "Time spent in translation.",
        .type = DUB_METRIC_HISTOGRAM,
        SECONDS,
    };
    static const struct dub_metric_spec tts = {
        .name = "sts_tts_duration_seconds",
        .help = "Time spent in speech synthesis and fitting.",
        .type = DUB_METRIC_HISTOGRAM,
        SECONDS,
    };
    static const struct dub_metric_spec queue_wait = {
        .name = "sts_queue_wait_seconds",
        .help = "Time a fragment waited for a stage.",
        .type = DUB_METRIC_HISTOGRAM,
        .labels = {"stage"},
        SECONDS,
    };
    metrics->processing = add(metrics, &processing);
    metrics->asr = add(metrics, &asr);
    metrics->translation = add(metrics, &translation);
    metrics->tts = add(metrics, &tts);
    metrics->queue_wait = add(metrics, &queue_wait);
}

static void add_gauges_and_counters(struct sts_metrics *metrics)
{
    static const struct dub_metric_spec in_flight = {
        .name = "sts_fragments_in_flight",
        .help = "Fragments accepted and not yet answered.",
        .type = DUB_METRIC_GAUGE,
    };
    static const struct dub_metric_spec sessions = {
        .name = "sts_sessions_active",
        .help = "Streams initialised and not yet ended.",
        .type = DUB_METRIC_GAUGE,
    };
    static const struct dub_metric_spec queue_depth = {
        .name = "sts_queue_depth",
        .help = "Fragments waiting for a stage.",
        .type = DUB_METRIC_GAUGE,
        .labels = {"stage"},
    };
    static const struct dub_metric_spec errors = {
        .name = "sts_fragment_errors_total",
        .help = "Failed, partial and refused fragments.",
        .type = DUB_METRIC_COUNTER,
        .labels = {"stage", "error_code"},
    };
    static const struct dub_metric_spec connections = {
        .name = "sts_connections_total",
        .help = "Socket.IO connections, by what became of their handshake.",
        .type = DUB_METRIC_COUNTER,
        .labels = {"result"},
    };
    static const struct dub_metric_spec engine_info = {
        .name = "sts_engine_info",
        .help = "The engine and model in use for each stage.",
        .type = DUB_METRIC_GAUGE,
        .labels = {"stage", "engine", "model"},
    };
    static const struct dub_metric_spec artifacts = {
        .name = "sts_artifacts_total",
        .help = "Fragments whose lineage was to be kept, by what became of it.",
        .type = DUB_METRIC_COUNTER,
        .labels = {"result"},
    };
    metrics->in_flight = add(metrics, &in_flight);
    metrics->sessions = add(metrics, &sessions);
    metrics->queue_depth = add(metrics, &queue_depth);
    metrics->errors = add(metrics, &errors);
    metrics->connections = add(metrics, &connections);
    metrics->engine_info = add(metrics, &engine_info);
    metrics->artifacts = add(metrics, &artifacts);
}

static void add_chain(struct sts_metrics *metrics)
{
    static const struct dub_metric_spec chain = {
        .name = "sts_engine_calls_total",
        .help = "Calls to each engine of a chain: served, failed, slow, or avoided after failures.",
        .type = DUB_METRIC_COUNTER,
        .labels = {"stage", "engine", "result"},
    };
    metrics->chain = add(metrics, &chain);
}

void sts_metrics_init(struct sts_metrics *metrics)
{
    *metrics = (struct sts_metrics){.registry = dub_metrics_new()};
    add_histograms(metrics);
    add_gauges_and_counters(metrics);
    add_chain(metrics);
    dub_metric_set(metrics->in_flight, 0, NULL);
    dub_metric_set(metrics->sessions, 0, NULL);
}

void sts_metrics_clear(struct sts_metrics *metrics)
{
    dub_metrics_free(metrics->registry);
    *metrics = (struct sts_metrics){0};
}

void sts_metrics_add_gpu(struct sts_metrics *metrics)
{
    static const struct dub_metric_spec utilization = {
        .name = "sts_gpu_utilization_percent",
        .help = "How busy the busiest GPU is.",
        .type = DUB_METRIC_GAUGE,
    };
    static const struct dub_metric_spec memory = {
        .name = "sts_gpu_memory_used_bytes",
        .help = "Memory in use on all GPUs.",
        .type = DUB_METRIC_GAUGE,
    };
    metrics->gpu_utilization = add(metrics, &utilization);
    metrics->gpu_memory = add(metrics, &memory);
}

void sts_metrics_error(struct sts_metrics *metrics, const struct dub_error *error)
{
    const char *stage = dub_stage_name(error->stage);
    const char *const labels[] = {*stage ? stage : "none",
                                  dub_error_code_name(dub_wire_error_code(error->code))};
    dub_metric_inc(metrics->errors, 1, labels);
}

void sts_metrics_connection(struct sts_metrics *metrics, const char *result)
{
    dub_metric_inc(metrics->connections, 1, &result);
}

void sts_metrics_wait(struct sts_metrics *metrics, const char *stage, double seconds)
{
    dub_metric_observe(metrics->queue_wait, seconds, &stage);
}

void sts_metrics_depth(struct sts_metrics *metrics, const char *stage, unsigned depth)
{
    dub_metric_set(metrics->queue_depth, depth, &stage);
}

void sts_metrics_chain(struct sts_metrics *metrics, const char *stage, const char *engine, const char *result)
{
    const char *const labels[] = {stage, engine, result};
    dub_metric_inc(metrics->chain, 1, labels);
}
