/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "status.h"

#include <dubbing_clock.h>
#include <dubbing_ids.h>

static void fill_input(struct dub_worker_input *input, const struct status_sources *sources)
{
    const struct input_facts *facts = sources->input;

    input->url = dub_url_mask(sources->settings->input_url);
    input->connected = facts->connected;
    input->video_codec = g_strdup(facts->tracks.video_codec);
    input->width = facts->tracks.width;
    input->height = facts->tracks.height;
    input->audio_codec = g_strdup(facts->tracks.audio_codec);
    input->audio_rate_hz = facts->tracks.audio_rate_hz;
    input->audio_channels = facts->tracks.audio_channels;
    input->bytes = facts->bytes;
    input->reconnects = facts->reconnects;
}

static void fill_output(struct dub_worker_output *output, const struct status_sources *sources)
{
    output->url = dub_url_mask(sources->settings->output_url);
    output->connected = sources->output->connected;
    output->bytes = sources->output->bytes;
    output->reconnects = sources->output->reconnects;
}

static int64_t get_uint64(const GstStructure *structure, const char *name)
{
    guint64 value = 0;
    gst_structure_get_uint64(structure, name, &value);
    return (int64_t)value;
}

static void fill_rtt(struct dub_worker_sts *sts, const GstStructure *dub)
{
    const GValue *counts = gst_structure_get_value(dub, "sts-rtt-counts");

    for (guint i = 0; counts && i < MIN(gst_value_array_get_size(counts), DUB_CONTROL_RTT_BUCKETS); i++)
        sts->rtt_counts[i] = (int64_t)g_value_get_uint64(gst_value_array_get_value(counts, i));
    gst_structure_get_double(dub, "sts-rtt-sum-ms", &sts->rtt_sum_ms);
}

static void fill_sts(struct dub_worker_sts *sts, const struct status_sources *sources)
{
    const GstStructure *dub = sources->dub;
    gboolean connected = FALSE;
    guint inflight = 0;

    sts->mode = g_strdup(worker_settings_sts_mode(sources->settings));
    if (!dub)
        return;
    const char *breaker = gst_structure_get_string(dub, "sts-breaker");
    const char *pressure = gst_structure_get_string(dub, "sts-backpressure");
    gst_structure_get_boolean(dub, "sts-connected", &connected);
    gst_structure_get_uint(dub, "sts-inflight", &inflight);
    sts->connected = connected;
    sts->inflight = (int)inflight;
    sts->reconnects = get_uint64(dub, "sts-reconnects");
    sts->fragments = get_uint64(dub, "sts-fragments");
    sts->breaker = dub_control_breaker_from_name(breaker ? breaker : "closed");
    sts->backpressure = dub_control_pressure_from_name(pressure ? pressure : "none");
    sts->asr_engine = g_strdup(gst_structure_get_string(dub, "sts-asr"));
    sts->translation_engine = g_strdup(gst_structure_get_string(dub, "sts-translation"));
    sts->tts_engine = g_strdup(gst_structure_get_string(dub, "sts-tts"));
    fill_rtt(sts, dub);
}

static gboolean add_reason(GQuark name, const GValue *value, gpointer data)
{
    if (G_VALUE_HOLDS_UINT64(value))
        dub_counts_add(data, g_quark_to_string(name), (int64_t)g_value_get_uint64(value));
    return TRUE;
}

static void fill_dub(struct dub_worker_status *status, const GstStructure *dub)
{
    gint64 lag_ns = 0;

    if (!dub)
        return;
    gst_structure_get_int64(dub, "dub-lag", &lag_ns);
    status->dub_lag_ms = lag_ns / DUB_NS_PER_MS;
    status->late_blocks = get_uint64(dub, "late-blocks");
    const GValue *reasons = gst_structure_get_value(dub, "fallback-reasons");
    if (reasons && GST_VALUE_HOLDS_STRUCTURE(reasons))
        gst_structure_foreach(gst_value_get_structure(reasons), add_reason, &status->fallbacks);
}

void status_fill(struct dub_worker_status *status, const struct status_sources *sources)
{
    const struct worker_settings *settings = sources->settings;

    *status = (struct dub_worker_status){
        .state = sources->state,
        .uptime_ms = sources->uptime_ns / DUB_NS_PER_MS,
        .source_lang = g_strdup(settings->source_lang),
        .target_lang = g_strdup(settings->target_lang),
        .latency_ms = settings->latency_ns / DUB_NS_PER_MS,
        .delay_ms = sources->output->delay_ns / DUB_NS_PER_MS,
        .av_sync_delta_ms = (double)sources->av_sync_ns / DUB_NS_PER_MS,
    };
    fill_input(&status->input, sources);
    fill_output(&status->output, sources);
    fill_sts(&status->sts, sources);
    fill_dub(status, sources->dub);
    for (unsigned i = 0; i < DUB_PHRASE_STATE_COUNT; i++)
        status->phrases[i] = phrases_count(sources->phrases, i);
    for (unsigned i = 0; i < sources->bus_errors->n_items; i++)
        dub_counts_add(&status->bus_errors, sources->bus_errors->items[i].name,
                       sources->bus_errors->items[i].count);
}
