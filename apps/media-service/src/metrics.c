/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include <dubbing_metrics.h>

/* X(enum suffix, name, type, second label or NULL, help). All carry stream_id. */
#define STREAM_METRICS(X)                                                                                    \
    X(FRAGMENTS, "worker_audio_fragments_total", COUNTER, NULL, "Fragments sent to the sts-service.")        \
    X(FALLBACKS, "worker_fallback_total", COUNTER, "reason", "Phrases that were not dubbed, by reason.")     \
    X(BUS_ERRORS, "worker_gst_bus_errors_total", COUNTER, "error_type", "Errors of the media pipelines.")    \
    X(PHRASES, "worker_phrases_total", COUNTER, "state", "Phrases by the state in which they ended.")        \
    X(INPUT_RECONNECTS, "worker_input_reconnects_total", COUNTER, NULL, "Reconnects of the input.")          \
    X(OUTPUT_RECONNECTS, "worker_output_reconnects_total", COUNTER, NULL, "Reconnects of the output.")       \
    X(STS_RECONNECTS, "worker_sts_reconnects_total", COUNTER, NULL, "Reconnects to the sts-service.")        \
    X(INFLIGHT, "worker_inflight_fragments", GAUGE, NULL, "Fragments that wait for their answer.")           \
    X(AV_SYNC, "worker_av_sync_delta_ms", GAUGE, NULL,                                                       \
      "Sound minus picture of one source instant at the output, greatest of the last second, milliseconds.") \
    X(BREAKER, "worker_sts_breaker_state", GAUGE, NULL, "Circuit breaker: 0 closed, 1 half-open, 2 open.")   \
    X(DELAY, "worker_delay_ms", GAUGE, NULL,                                                                 \
      "Arrival to release of the picture that waited longest in the last second; kept while none comes, "    \
      "milliseconds.")                                                                                       \
    X(LATENCY, "worker_latency_ms", GAUGE, NULL, "The delay D that was asked for, milliseconds.")            \
    X(DUB_LAG, "worker_dub_lag_ms", GAUGE, NULL, "How far the dub trails the picture, milliseconds.")        \
    X(LATE_BLOCKS, "worker_late_blocks_total", COUNTER, NULL, "Blocks of sound mixed after their deadline.") \
    X(BACKPRESSURE, "worker_backpressure_severity", GAUGE, NULL, "0 none, 1 low, 2 medium, 3 high.")         \
    X(RTT, "worker_sts_rtt_ms", HISTOGRAM, NULL, "Round trips of fragments, milliseconds.")                  \
    X(RESTARTS, "media_service_worker_restarts_total", COUNTER, NULL, "Restarts of the stream's worker.")    \
    X(EGRESS_UP, "egress_connected", GAUGE, NULL, "Whether the stream's destination takes data: 0 or 1.")    \
    X(EGRESS_BYTES, "egress_bytes_total", COUNTER, NULL, "Bytes sent to the stream's destination.")          \
    X(EGRESS_RECONNECTS, "egress_reconnects_total", COUNTER, NULL, "Reconnects of the destination.")         \
    X(EGRESS_RESTARTS, "egress_restarts_total", COUNTER, NULL, "Restarts of the stream's egress-forwarder.")

enum stream_metric {
#define X(id, name, type, label, help) METRIC_##id,
    STREAM_METRICS(X)
#undef X
        METRIC_COUNT
};

static const double rtt_bounds_ms[DUB_CONTROL_RTT_BUCKETS - 1] = {50, 100, 250, 500, 1000, 2000, 4000, 8000};

#define BUCKETS_COUNTER NULL, 0
#define BUCKETS_GAUGE NULL, 0
#define BUCKETS_HISTOGRAM rtt_bounds_ms, G_N_ELEMENTS(rtt_bounds_ms)
static const struct dub_metric_spec stream_specs[] = {
#define X(id, name, type, label, help)                                                                       \
    {name, help, DUB_METRIC_##type, {"stream_id", label}, BUCKETS_##type, 0},
    STREAM_METRICS(X)
#undef X
};

static const struct dub_metric_spec streams_spec = {
    "media_service_streams", "Known streams by state.", DUB_METRIC_GAUGE, {"state"}, NULL, 0, 0};
static const struct dub_metric_spec hooks_spec = {"media_service_hook_events_total",
                                                  "Hooks of the router by event and result.",
                                                  DUB_METRIC_COUNTER,
                                                  {"event", "result"},
                                                  NULL,
                                                  0,
                                                  0};
static const struct dub_metric_spec dependencies_spec = {"media_service_dependency_up",
                                                         "Whether what readiness depends on works: 0 or 1.",
                                                         DUB_METRIC_GAUGE,
                                                         {"dependency"},
                                                         NULL,
                                                         0,
                                                         0};
static const struct dub_metric_spec bundles_spec = {
    "media_service_run_bundles_refused",
    "Whether the disk refuses what runs are to leave there: 0 or 1.",
    DUB_METRIC_GAUGE,
    {NULL},
    NULL,
    0,
    0};
static const struct dub_metric_spec build_spec = {"media_service_build_info",
                                                  "Always 1; the label tells the version.",
                                                  DUB_METRIC_GAUGE,
                                                  {"version"},
                                                  NULL,
                                                  0,
                                                  0};

struct service_metrics {
    struct dub_metrics *set;
    struct dub_metric *of_stream[METRIC_COUNT];
    struct dub_metric *streams, *hooks, *dependencies, *bundles;
};

struct service_metrics *service_metrics_new(void)
{
    struct service_metrics *metrics = g_new0(struct service_metrics, 1);
    metrics->set = dub_metrics_new();
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        metrics->of_stream[i] = dub_metrics_add(metrics->set, &stream_specs[i]);
    metrics->streams = dub_metrics_add(metrics->set, &streams_spec);
    metrics->hooks = dub_metrics_add(metrics->set, &hooks_spec);
    metrics->dependencies = dub_metrics_add(metrics->set, &dependencies_spec);
    metrics->bundles = dub_metrics_add(metrics->set, &bundles_spec);
    dub_metric_set(dub_metrics_add(metrics->set, &build_spec), 1, (const char *const[]){DUB_VERSION});
    return metrics;
}

void service_metrics_free(struct service_metrics *metrics)
{
    if (metrics == NULL)
        return;
    dub_metrics_free(metrics->set);
    g_free(metrics);
}

void service_metrics_count_hook(struct service_metrics *metrics, const char *event, const char *result)
{
    dub_metric_inc(metrics->hooks, 1, (const char *const[]){event, result});
}

void service_metrics_set_dependency(struct service_metrics *metrics, const char *dependency, bool up)
{
    dub_metric_set(metrics->dependencies, up, (const char *const[]){dependency});
}

void service_metrics_count_restart(struct service_metrics *metrics, const char *stream_id)
{
    dub_metric_inc(metrics->of_stream[METRIC_RESTARTS], 1, (const char *const[]){stream_id});
}

void service_metrics_forget(struct service_metrics *metrics, const char *stream_id)
{
    dub_metrics_drop_label(metrics->set, "stream_id", stream_id);
}

static void set(struct service_metrics *metrics, enum stream_metric metric, const char *stream_id,
                const char *label, double value)
{
    dub_metric_set(metrics->of_stream[metric], value, (const char *const[]){stream_id, label});
}

static void set_counts(struct service_metrics *metrics, enum stream_metric metric, const char *stream_id,
                       const struct dub_counts *counts)
{
    for (unsigned i = 0; i < counts->n_items; i++)
        set(metrics, metric, stream_id, counts->items[i].name, (double)counts->items[i].count);
}

static void set_rtt(struct service_metrics *metrics, const char *stream_id, const struct dub_worker_sts *sts)
{
    uint64_t counts[DUB_CONTROL_RTT_BUCKETS];
    for (unsigned i = 0; i < DUB_CONTROL_RTT_BUCKETS; i++)
        counts[i] = (uint64_t)MAX(sts->rtt_counts[i], 0);
    dub_metric_set_histogram(metrics->of_stream[METRIC_RTT], counts, sts->rtt_sum_ms,
                             (const char *const[]){stream_id});
}

/* What a worker that is gone measured last is not so any more, and would keep alerts firing. */
static void drop_gauges(struct service_metrics *metrics, const char *stream_id)
{
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        if (stream_specs[i].type == DUB_METRIC_GAUGE)
            dub_metric_drop(metrics->of_stream[i], (const char *const[]){stream_id});
}

/* After the worker's gauges were dropped with a worker that is gone. */
static void update_egress(struct service_metrics *metrics, const struct stream *stream)
{
    const struct stream_egress *egress = &stream->egress;
    if (egress->dest_url == NULL)
        return;
    /* Without a run there is nothing that should be connected. */
    if (egress->fsm.run)
        set(metrics, METRIC_EGRESS_UP, stream->id, NULL, egress->output_connected);
    set(metrics, METRIC_EGRESS_BYTES, stream->id, NULL, (double)egress->bytes);
    set(metrics, METRIC_EGRESS_RECONNECTS, stream->id, NULL, (double)egress->reconnects);
    set(metrics, METRIC_EGRESS_RESTARTS, stream->id, NULL, egress->restarts);
}

static void update_stream(struct service_metrics *metrics, const struct stream *stream)
{
    const struct dub_worker_status *status = &stream->status;
    const char *id = stream->id;
    for (unsigned i = 0; i < DUB_PHRASE_STATE_COUNT; i++)
        set(metrics, METRIC_PHRASES, id, dub_phrase_state_name((enum dub_phrase_state)i),
            (double)stream->ledger.counts[i]);
    dub_metric_inc(metrics->of_stream[METRIC_RESTARTS], 0, (const char *const[]){id});
    if (!stream->has_status)
        return;
    set(metrics, METRIC_FRAGMENTS, id, NULL, (double)status->sts.fragments);
    set_counts(metrics, METRIC_FALLBACKS, id, &status->fallbacks);
    set_counts(metrics, METRIC_BUS_ERRORS, id, &status->bus_errors);
    set(metrics, METRIC_INPUT_RECONNECTS, id, NULL, (double)status->input.reconnects);
    set(metrics, METRIC_OUTPUT_RECONNECTS, id, NULL, (double)status->output.reconnects);
    set(metrics, METRIC_STS_RECONNECTS, id, NULL, (double)status->sts.reconnects);
    set_rtt(metrics, id, &status->sts);
    set(metrics, METRIC_LATE_BLOCKS, id, NULL, (double)status->late_blocks);
    if (stream->worker == NULL) {
        drop_gauges(metrics, id);
        return;
    }
    set(metrics, METRIC_INFLIGHT, id, NULL, status->sts.inflight);
    set(metrics, METRIC_AV_SYNC, id, NULL, status->av_sync_delta_ms);
    set(metrics, METRIC_BREAKER, id, NULL, (double)status->sts.breaker);
    set(metrics, METRIC_DELAY, id, NULL, (double)status->delay_ms);
    set(metrics, METRIC_LATENCY, id, NULL, (double)status->latency_ms);
    set(metrics, METRIC_DUB_LAG, id, NULL, (double)status->dub_lag_ms);
    set(metrics, METRIC_BACKPRESSURE, id, NULL, (double)status->sts.backpressure);
}

char *service_metrics_format(struct service_metrics *metrics, const struct registry *registry)
{
    unsigned in_state[STREAM_STATE_COUNT] = {0};
    g_autoptr(GList) streams = registry_list(registry);
    for (GList *item = streams; item != NULL; item = item->next) {
        const struct stream *stream = item->data;
        in_state[stream->fsm.state]++;
        update_stream(metrics, stream);
        dub_metric_drop(metrics->of_stream[METRIC_EGRESS_UP], (const char *const[]){stream->id});
        update_egress(metrics, stream);
    }
    for (unsigned i = 0; i < STREAM_STATE_COUNT; i++)
        dub_metric_set(metrics->streams, in_state[i],
                       (const char *const[]){stream_state_name((enum stream_state)i)});
    dub_metric_set(metrics->bundles, registry_bundles_are_refused(registry), NULL);
    return dub_metrics_format(metrics->set);
}
