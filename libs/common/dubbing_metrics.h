/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics in the Prometheus text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * A registry holds families; a family holds one series per combination of label values, bounded by
 * max_series (what comes after goes to a series whose values are all "other"). Updates are safe from any
 * thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

enum dub_metric_type { DUB_METRIC_COUNTER, DUB_METRIC_GAUGE, DUB_METRIC_HISTOGRAM };

#define DUB_METRIC_LABELS_MAX 4

/* Static data of the caller's, kept by reference. */
struct dub_metric_spec {
    const char *name;
    const char *help;
    enum dub_metric_type type;
    const char *labels[DUB_METRIC_LABELS_MAX + 1]; /* names, NULL-terminated */
    const double *buckets;                         /* ascending upper bounds without +Inf */
    unsigned n_buckets;
    unsigned max_series; /* 0: 1000 */
};

struct dub_metrics;
struct dub_metric;

struct dub_metrics *dub_metrics_new(void);
void dub_metrics_free(struct dub_metrics *metrics);

/* Adds a family; the registry owns it. Its name must be new (asserted). Before use from other threads. */
struct dub_metric *dub_metrics_add(struct dub_metrics *metrics, const struct dub_metric_spec *spec);

/* values: one per label, in the spec's order; NULL when there are no labels. */
void dub_metric_inc(struct dub_metric *metric, double by, const char *const *values);
void dub_metric_set(struct dub_metric *metric, double value, const char *const *values);
void dub_metric_observe(struct dub_metric *metric, double value, const char *const *values);
/* Current value of a counter or gauge, the count of a histogram; 0 for a series that does not exist. */
double dub_metric_get(struct dub_metric *metric, const char *const *values);
/* Replaces a whole histogram series by numbers gathered elsewhere (a worker's); counts are per bucket, not
 * cumulative, n_buckets + 1 of them, the last for +Inf. */
void dub_metric_set_histogram(struct dub_metric *metric, const uint64_t *counts, double sum,
                              const char *const *values);
/* Forgets one series; fine when there is none. */
void dub_metric_drop(struct dub_metric *metric, const char *const *values);
/* Forgets all series of the registry whose label has this value (a stream that ended). */
void dub_metrics_drop_label(struct dub_metrics *metrics, const char *label, const char *value);

/* The exposition, families in order of adding, series sorted. Owned by the caller. */
char *dub_metrics_format(struct dub_metrics *metrics);
#define DUB_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
