/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Families and their series. A series is found by its label values joined into one key; what is over
 * max_series shares one series whose values are all "other", so that names from outside cannot fill the
 * memory. */
#include <dubbing_metrics.h>

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_MAX_SERIES 1000
#define KEY_SEPARATOR '\x1f'

struct series {
    char **values;    /* NULL-terminated, valid UTF-8 */
    double value;     /* counter, gauge; the sum of a histogram */
    uint64_t *counts; /* histogram: per bucket, the last for +Inf */
};

struct dub_metric {
    const struct dub_metric_spec *spec;
    struct dub_metrics *owner;
    unsigned n_labels;
    unsigned max_series;
    GHashTable *series; /* key text -> struct series */
};

struct dub_metrics {
    pthread_mutex_t lock; /* guards all series of all families */
    GPtrArray *families;  /* struct dub_metric * */
};

static void free_series(void *data)
{
    struct series *series = data;
    g_strfreev(series->values);
    g_free(series->counts);
    g_free(series);
}

static void free_metric(void *data)
{
    struct dub_metric *metric = data;
    g_hash_table_unref(metric->series);
    g_free(metric);
}

struct dub_metrics *dub_metrics_new(void)
{
    struct dub_metrics *metrics = g_new0(struct dub_metrics, 1);
    pthread_mutex_init(&metrics->lock, NULL);
    metrics->families = g_ptr_array_new_with_free_func(free_metric);
    return metrics;
}

void dub_metrics_free(struct dub_metrics *metrics)
{
    if (metrics == NULL)
        return;
    g_ptr_array_unref(metrics->families);
    pthread_mutex_destroy(&metrics->lock);
    g_free(metrics);
}

static bool name_is_new(const struct dub_metrics *metrics, const char *name)
{
    for (guint i = 0; i < metrics->families->len; i++)
        if (strcmp(((struct dub_metric *)metrics->families->pdata[i])->spec->name, name) == 0)
            return false;
    return true;
}

struct dub_metric *dub_metrics_add(struct dub_metrics *metrics, const struct dub_metric_spec *spec)
{
    g_assert(name_is_new(metrics, spec->name));
    struct dub_metric *metric = g_new0(struct dub_metric, 1);
    metric->spec = spec;
    metric->owner = metrics;
    while (spec->labels[metric->n_labels] != NULL)
        metric->n_labels++;
    metric->max_series = spec->max_series != 0 ? spec->max_series : DEFAULT_MAX_SERIES;
    metric->series = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_series);
    g_ptr_array_add(metrics->families, metric);
    return metric;
}

static char *make_key(const struct dub_metric *metric, const char *const *values)
{
    GString *key = g_string_new(NULL);
    for (unsigned i = 0; i < metric->n_labels; i++) {
        g_string_append(key, values[i] != NULL ? values[i] : "");
        g_string_append_c(key, KEY_SEPARATOR);
    }
    return g_string_free(key, FALSE);
}

static struct series *add_series(struct dub_metric *metric, const char *key, const char *const *values)
{
    struct series *series = g_new0(struct series, 1);
    series->values = g_new0(char *, metric->n_labels + 1);
    for (unsigned i = 0; i < metric->n_labels; i++)
        series->values[i] = g_utf8_make_valid(values[i] != NULL ? values[i] : "", -1);
    if (metric->spec->type == DUB_METRIC_HISTOGRAM)
        series->counts = g_new0(uint64_t, metric->spec->n_buckets + 1);
    g_hash_table_insert(metric->series, g_strdup(key), series);
    return series;
}

/* The series with these values, made where there is none yet. Lock held. */
static struct series *get_series(struct dub_metric *metric, const char *const *values)
{
    static const char *const other[DUB_METRIC_LABELS_MAX] = {"other", "other", "other", "other"};
    g_autofree char *key = make_key(metric, values);
    struct series *series = g_hash_table_lookup(metric->series, key);
    if (series != NULL)
        return series;
    if (g_hash_table_size(metric->series) < metric->max_series)
        return add_series(metric, key, values);
    g_autofree char *other_key = make_key(metric, other);
    series = g_hash_table_lookup(metric->series, other_key);
    return series != NULL ? series : add_series(metric, other_key, other);
}

void dub_metric_inc(struct dub_metric *metric, double by, const char *const *values)
{
    pthread_mutex_lock(&metric->owner->lock);
    get_series(metric, values)->value += by;
    pthread_mutex_unlock(&metric->owner->lock);
}

void dub_metric_set(struct dub_metric *metric, double value, const char *const *values)
{
    pthread_mutex_lock(&metric->owner->lock);
    get_series(metric, values)->value = value;
    pthread_mutex_unlock(&metric->owner->lock);
}

void dub_metric_observe(struct dub_metric *metric, double value, const char *const *values)
{
    g_assert(metric->spec->type == DUB_METRIC_HISTOGRAM);
    unsigned bucket = 0;
    while (bucket < metric->spec->n_buckets && !(value <= metric->spec->buckets[bucket]))
        bucket++;
    pthread_mutex_lock(&metric->owner->lock);
    struct series *series = get_series(metric, values);
    series->counts[bucket]++;
    series->value += value;
    pthread_mutex_unlock(&metric->owner->lock);
}

void dub_metric_set_histogram(struct dub_metric *metric, const uint64_t *counts, double sum,
                              const char *const *values)
{
    g_assert(metric->spec->type == DUB_METRIC_HISTOGRAM);
    pthread_mutex_lock(&metric->owner->lock);
    struct series *series = get_series(metric, values);
    memcpy(series->counts, counts, (metric->spec->n_buckets + 1) * sizeof(*counts));
    series->value = sum;
    pthread_mutex_unlock(&metric->owner->lock);
}

static uint64_t total_count(const struct dub_metric *metric, const struct series *series)
{
    uint64_t total = 0;
    for (unsigned i = 0; i <= metric->spec->n_buckets; i++)
        total += series->counts[i];
    return total;
}

double dub_metric_get(struct dub_metric *metric, const char *const *values)
{
    double value = 0;
    g_autofree char *key = make_key(metric, values);
    pthread_mutex_lock(&metric->owner->lock);
    const struct series *series = g_hash_table_lookup(metric->series, key);
    if (series != NULL)
        value = series->counts != NULL ? (double)total_count(metric, series) : series->value;
    pthread_mutex_unlock(&metric->owner->lock);
    return value;
}

void dub_metric_drop(struct dub_metric *metric, const char *const *values)
{
    g_autofree char *key = make_key(metric, values);
    pthread_mutex_lock(&metric->owner->lock);
    g_hash_table_remove(metric->series, key);
    pthread_mutex_unlock(&metric->owner->lock);
}

struct wanted {
    unsigned index;
    const char *value;
};

static gboolean has_value(void *key, void *data, void *user)
{
    const struct series *series = data;
    const struct wanted *wanted = user;
    return strcmp(series->values[wanted->index], wanted->value) == 0;
}

void dub_metrics_drop_label(struct dub_metrics *metrics, const char *label, const char *value)
{
    pthread_mutex_lock(&metrics->lock);
    for (guint i = 0; i < metrics->families->len; i++) {
        struct dub_metric *metric = metrics->families->pdata[i];
        for (unsigned j = 0; j < metric->n_labels; j++)
            if (strcmp(metric->spec->labels[j], label) == 0)
                g_hash_table_foreach_remove(metric->series, has_value, &(struct wanted){j, value});
    }
    pthread_mutex_unlock(&metrics->lock);
}

static void append_number(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (isnan(value))
        g_string_append(out, "NaN");
    else if (isinf(value))
        g_string_append(out, value > 0 ? "+Inf" : "-Inf");
    else if (fabs(value) < 1e15 && floor(value) >= value)
        g_string_append_printf(out, "%.0f", value);
    else
        g_string_append(out, g_ascii_dtostr(text, sizeof(text), value));
}

static void append_escaped(GString *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || (quotes && *text == '"'))
            g_string_append_c(out, '\\');
        if (*text == '\n')
            g_string_append(out, "\\n");
        else
            g_string_append_c(out, *text);
    }
}

/* {a="1",b="2",le="0.5"}; nothing when there are neither labels nor a bound. */
static void append_labels(GString *out, const struct dub_metric *metric, const struct series *series,
                          const double *bound)
{
    if (metric->n_labels == 0 && bound == NULL)
        return;
    g_string_append_c(out, '{');
    for (unsigned i = 0; i < metric->n_labels; i++) {
        g_string_append_printf(out, "%s%s=\"", i > 0 ? "," : "", metric->spec->labels[i]);
        append_escaped(out, series->values[i], true);
        g_string_append_c(out, '"');
    }
    if (bound != NULL) {
        g_string_append(out, metric->n_labels > 0 ? ",le=\"" : "le=\"");
        append_number(out, *bound);
        g_string_append_c(out, '"');
    }
    g_string_append_c(out, '}');
}

static void append_sample(GString *out, const struct dub_metric *metric, const char *suffix,
                          const struct series *series, const double *bound, double value)
{
    g_string_append_printf(out, "%s%s", metric->spec->name, suffix);
    append_labels(out, metric, series, bound);
    g_string_append_c(out, ' ');
    append_number(out, value);
    g_string_append_c(out, '\n');
}

static void append_histogram(GString *out, const struct dub_metric *metric, const struct series *series)
{
    static const double infinity = INFINITY;
    uint64_t total = 0;
    for (unsigned i = 0; i <= metric->spec->n_buckets; i++) {
        total += series->counts[i];
        const double *bound = i < metric->spec->n_buckets ? &metric->spec->buckets[i] : &infinity;
        append_sample(out, metric, "_bucket", series, bound, (double)total);
    }
    append_sample(out, metric, "_sum", series, NULL, series->value);
    append_sample(out, metric, "_count", series, NULL, (double)total);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void append_family(GString *out, const struct dub_metric *metric)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    guint n = 0;
    g_autofree const char **keys = (const char **)g_hash_table_get_keys_as_array(metric->series, &n);
    g_string_append_printf(out, "# HELP %s ", metric->spec->name);
    append_escaped(out, metric->spec->help, false);
    g_string_append_printf(out, "\n# TYPE %s %s\n", metric->spec->name, types[metric->spec->type]);
    if (n > 0)
        qsort(keys, n, sizeof(*keys), compare_texts);
    for (guint i = 0; i < n; i++) {
        const struct series *series = g_hash_table_lookup(metric->series, keys[i]);
        if (metric->spec->type == DUB_METRIC_HISTOGRAM)
            append_histogram(out, metric, series);
        else
            append_sample(out, metric, "", series, NULL, series->value);
    }
}

char *dub_metrics_format(struct dub_metrics *metrics)
{
    GString *out = g_string_new(NULL);
    pthread_mutex_lock(&metrics->lock);
    for (guint i = 0; i < metrics->families->len; i++)
        append_family(out, metrics->families->pdata[i]);
    pthread_mutex_unlock(&metrics->lock);
    return g_string_free(out, FALSE);
}
