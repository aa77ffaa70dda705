/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The property "stats"; its fields are described in dubbing_gst.h. */
#include "stsdub.h"

#include "dubbing_gst.h"

static void add_reason(gpointer key, gpointer value, gpointer user)
{
    gst_structure_set(user, key, G_TYPE_UINT64, *(uint64_t *)value, NULL);
}

static void add_phrases(GstStructure *stats, struct dub_ledger *ledger)
{
    GstStructure *reasons = gst_structure_new_empty("reasons");
    g_hash_table_foreach(ledger->reasons, add_reason, reasons);
    gst_structure_set(stats, "dub-lag", G_TYPE_INT64, ledger->last_lag_ns, "max-dub-lag", G_TYPE_INT64,
                      ledger->max_lag_ns, "phrases-open", G_TYPE_UINT, g_queue_get_length(&ledger->open),
                      "phrases-dubbed", G_TYPE_UINT64, ledger->counts[DUB_PHRASE_DUBBED],
                      "phrases-passthrough", G_TYPE_UINT64, ledger->counts[DUB_PHRASE_PASSTHROUGH],
                      "phrases-dropped", G_TYPE_UINT64, ledger->counts[DUB_PHRASE_DROPPED],
                      "fallback-reasons", GST_TYPE_STRUCTURE, reasons, NULL);
    gst_structure_free(reasons);
}

static void add_no_phrases(GstStructure *stats)
{
    struct dub_ledger none;
    dub_ledger_init(&none);
    add_phrases(stats, &none);
    dub_ledger_clear(&none);
}

/* With the lock. */
static void add_stream(StsDub *self, GstStructure *stats)
{
    struct dub_dubber_stats sound = {0};
    if (self->dubber == NULL) {
        add_no_phrases(stats);
    } else {
        add_phrases(stats, dub_dubber_ledger(self->dubber));
        dub_dubber_get_stats(self->dubber, &sound);
    }
    gst_structure_set(stats, "delay", G_TYPE_INT64, (gint64)self->settings.latency_ns, "blocks",
                      G_TYPE_UINT64, self->blocks, "late-blocks", G_TYPE_UINT64, self->late_blocks,
                      "stretched-phrases", G_TYPE_UINT64, self->stretched_phrases, "silence-samples",
                      G_TYPE_UINT64, sound.silence_samples, "trimmed-samples", G_TYPE_UINT64,
                      sound.trimmed_samples, "late-samples", G_TYPE_UINT64, sound.late_samples,
                      "slewed-samples", G_TYPE_INT64, sound.slewed_samples, "drift-samples", G_TYPE_INT64,
                      sound.drift_samples, NULL);
}

static void add_round_trips(GstStructure *stats, const struct dub_exchange_stats *sts)
{
    GValue counts = G_VALUE_INIT;
    g_value_init(&counts, GST_TYPE_ARRAY);
    for (gsize i = 0; i < G_N_ELEMENTS(sts->rtt_counts); i++) {
        GValue count = G_VALUE_INIT;
        g_value_init(&count, G_TYPE_UINT64);
        g_value_set_uint64(&count, sts->rtt_counts[i]);
        gst_value_array_append_and_take_value(&counts, &count);
    }
    gst_structure_take_value(stats, "sts-rtt-counts", &counts);
    gst_structure_set(stats, "sts-rtt-sum-ms", G_TYPE_DOUBLE, sts->rtt_sum_ms, NULL);
}

static void add_engines(GstStructure *stats, const struct dub_exchange_engines *engines)
{
    const struct {
        const char *field, *name;
    } all[] = {
        {"sts-asr", engines->asr}, {"sts-translation", engines->translation}, {"sts-tts", engines->tts}};
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
        if (*all[i].name != '\0')
            gst_structure_set(stats, all[i].field, G_TYPE_STRING, all[i].name, NULL);
}

static void add_service(StsDub *self, GstStructure *stats)
{
    static const char *const breaker[] = {
        [DUB_BREAKER_CLOSED] = "closed", [DUB_BREAKER_HALF_OPEN] = "half_open", [DUB_BREAKER_OPEN] = "open"};
    static const char *const backpressure[] = {"none", "low", "medium", "high"};
    struct dub_exchange_stats sts;
    sts_dub_get_exchange_stats(self, &sts);
    gst_structure_set(stats, "sts-connected", G_TYPE_BOOLEAN, (gboolean)sts.connected, "sts-reconnects",
                      G_TYPE_UINT64, sts.reconnects, "sts-fragments", G_TYPE_UINT64, sts.fragments_sent,
                      "sts-late-answers", G_TYPE_UINT64, sts.late_answers, "sts-inflight", G_TYPE_UINT,
                      sts.inflight, "sts-breaker", G_TYPE_STRING, breaker[sts.breaker], "sts-backpressure",
                      G_TYPE_STRING, backpressure[MIN(sts.backpressure, G_N_ELEMENTS(backpressure) - 1)],
                      NULL);
    add_round_trips(stats, &sts);
    add_engines(stats, &sts.engines);
}

GstStructure *sts_dub_new_stats(StsDub *self)
{
    GstStructure *stats = gst_structure_new_empty(DUB_GST_STATS_NAME);
    add_service(self, stats);
    pthread_mutex_lock(&self->lock);
    add_stream(self, stats);
    pthread_mutex_unlock(&self->lock);
    return stats;
}
