/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include "access.h"

#include <dubbing_http.h>
#include <dubbing_metrics.h>

struct router_metrics {
    struct dub_http_server *http;
    struct router *router;
    struct rtmp_server *rtmp;
    struct rtsp_server *rtsp;
};

/* X(enum suffix, name, help, type, labels ...): MediaMTX's names, with HELP and TYPE. The byte counts are
 * gauges because a counter would have to be named _total, and because they begin again with every path and
 * connection. */
#define CONNECTION_LABELS "id", "path", "remoteAddr", "state"
#define CONNECTION_FAMILIES(X, ID, name, help)                                                               \
    X(ID##S, name, help, DUB_METRIC_GAUGE, CONNECTION_LABELS)                                                \
    X(ID##_IN, name "_inbound_bytes", "Bytes received.", DUB_METRIC_GAUGE, CONNECTION_LABELS)                \
    X(ID##_OUT, name "_outbound_bytes", "Bytes sent.", DUB_METRIC_GAUGE, CONNECTION_LABELS)                  \
    X(ID##_RECEIVED, name "_bytes_received", "As " name "_inbound_bytes.", DUB_METRIC_GAUGE,                 \
      CONNECTION_LABELS)                                                                                     \
    X(ID##_SENT, name "_bytes_sent", "As " name "_outbound_bytes.", DUB_METRIC_GAUGE, CONNECTION_LABELS)     \
    X(ID##_DROPPED, name "_outbound_frames_discarded", "Messages dropped for a slow reader.",                \
      DUB_METRIC_GAUGE, CONNECTION_LABELS)

/* Of connections, then of their sessions. */
#define RTSP_FAMILIES(X, ID, SESSION_ID, prefix, protocol)                                                   \
    X(ID##_CONNS, prefix "_conns", protocol " connections.", DUB_METRIC_GAUGE, "id")                         \
    X(ID##_CONNS_IN, prefix "_conns_inbound_bytes", "Bytes received.", DUB_METRIC_GAUGE, "id")               \
    X(ID##_CONNS_OUT, prefix "_conns_outbound_bytes", "Bytes sent.", DUB_METRIC_GAUGE, "id")                 \
    X(ID##_CONNS_RECEIVED, prefix "_conns_bytes_received", "As " prefix "_conns_inbound_bytes.",             \
      DUB_METRIC_GAUGE, "id")                                                                                \
    X(ID##_CONNS_SENT, prefix "_conns_bytes_sent", "As " prefix "_conns_outbound_bytes.", DUB_METRIC_GAUGE,  \
      "id")                                                                                                  \
    CONNECTION_FAMILIES(X, SESSION_ID, prefix "_sessions", protocol " sessions.")                            \
    X(SESSION_ID##_IN_PACKETS, prefix "_sessions_inbound_rtp_packets", "RTP packets received.",              \
      DUB_METRIC_GAUGE, CONNECTION_LABELS)                                                                   \
    X(SESSION_ID##_IN_LOST, prefix "_sessions_inbound_rtp_packets_lost",                                     \
      "RTP packets missing by their numbers.", DUB_METRIC_GAUGE, CONNECTION_LABELS)                          \
    X(SESSION_ID##_IN_ERROR, prefix "_sessions_inbound_rtp_packets_in_error",                                \
      "RTP packets that could not be used.", DUB_METRIC_GAUGE, CONNECTION_LABELS)                            \
    X(SESSION_ID##_OUT_PACKETS, prefix "_sessions_outbound_rtp_packets", "RTP packets sent.",                \
      DUB_METRIC_GAUGE, CONNECTION_LABELS)

#define FAMILIES(X)                                                                                          \
    X(PATHS, "paths", "Paths by state.", DUB_METRIC_GAUGE, "name", "state")                                  \
    X(READERS, "paths_readers", "Readers of a path.", DUB_METRIC_GAUGE, "name", "state", "readerType")       \
    X(IN, "paths_inbound_bytes", "Media received for a path.", DUB_METRIC_GAUGE, "name", "state")            \
    X(OUT, "paths_outbound_bytes", "Media sent to the readers of a path.", DUB_METRIC_GAUGE, "name",         \
      "state")                                                                                               \
    X(RECEIVED, "paths_bytes_received", "As paths_inbound_bytes.", DUB_METRIC_GAUGE, "name", "state")        \
    X(SENT, "paths_bytes_sent", "As paths_outbound_bytes.", DUB_METRIC_GAUGE, "name", "state")               \
    CONNECTION_FAMILIES(X, CONN, "rtmp_conns", "RTMP connections.")                                          \
    CONNECTION_FAMILIES(X, TLS_CONN, "rtmps_conns", "RTMPS connections.")                                    \
    RTSP_FAMILIES(X, RTSP, SESSION, "rtsp", "RTSP")                                                          \
    RTSP_FAMILIES(X, RTSPS, TLS_SESSION, "rtsps", "RTSPS")                                                   \
    X(HELD, "router_media_held_bytes",                                                                       \
      "Media in memory: kept for new readers, waiting for readers, unfinished.", DUB_METRIC_GAUGE)

/* Ours: MediaMTX has nothing of the kind. */
#define X(field, name, help) COUNTER_##field,
enum counter { ROUTER_COUNTERS(X) N_COUNTERS };
#undef X

static const struct dub_metric_spec counter_specs[] = {
#define X(field, metric_name, metric_help)                                                                   \
    [COUNTER_##field] = {.name = (metric_name), .help = (metric_help), .type = DUB_METRIC_COUNTER},
    ROUTER_COUNTERS(X)
#undef X
};

enum family {
#define X(id, ...) FAMILY_##id,
    FAMILIES(X)
#undef X
        N_FAMILIES
};

static const struct dub_metric_spec specs[] = {
#define X(id, family_name, family_help, family_type, ...)                                                    \
    [FAMILY_##id] = {.name = family_name, .help = family_help, .type = family_type, .labels = {__VA_ARGS__}},
    FAMILIES(X)
#undef X
};

static void add(struct dub_metric *const *families, enum family family, uint64_t value,
                const char *const *labels)
{
    dub_metric_inc(families[family], (double)value, labels);
}

/* One line for each type of reader; without any, one of 0. */
static void gather_readers(struct dub_metric *const *families, const struct router_path *path,
                           const char *const *of_path)
{
    const char *labels[] = {of_path[0], of_path[1], ""};
    if (path->readers->len == 0)
        add(families, FAMILY_READERS, 0, labels);
    for (guint i = 0; i < path->readers->len; i++) {
        const struct router_reader *reader = path->readers->pdata[i];
        labels[2] = reader->ops->type;
        add(families, FAMILY_READERS, 1, labels);
    }
}

static void gather_path(struct dub_metric *const *families, const struct router_path *path)
{
    const char *labels[] = {path->name, path->ready ? "ready" : "notReady"};
    add(families, FAMILY_PATHS, 1, labels);
    gather_readers(families, path, labels);
    add(families, FAMILY_IN, path->inbound_bytes, labels);
    add(families, FAMILY_OUT, path->outbound_bytes, labels);
    add(families, FAMILY_RECEIVED, path->inbound_bytes, labels);
    add(families, FAMILY_SENT, path->outbound_bytes, labels);
}

static void add_row(struct dub_metric *const *families, enum family first, const uint64_t *values, guint n,
                    const char *const *labels)
{
    for (guint i = 0; i < n; i++)
        add(families, (enum family)(first + i), values[i], labels);
}

static void gather_connection(struct dub_metric *const *families, const struct rtmp_connection_info *info)
{
    const char *labels[] = {info->id, info->path, info->remote_address, info->state};
    /* The families of both kinds stand in the same order. */
    const enum family base = info->is_encrypted ? FAMILY_TLS_CONNS : FAMILY_CONNS;
    const uint64_t values[] = {1,
                               info->received_bytes,
                               info->sent_bytes,
                               info->received_bytes,
                               info->sent_bytes,
                               info->dropped_messages};
    add_row(families, base, values, G_N_ELEMENTS(values), labels);
}

static void gather_rtsp_connection(struct dub_metric *const *families,
                                   const struct rtsp_connection_info *info)
{
    const char *labels[] = {info->id};
    const uint64_t values[] = {1, info->received_bytes, info->sent_bytes, info->received_bytes,
                               info->sent_bytes};
    add_row(families, info->is_encrypted ? FAMILY_RTSPS_CONNS : FAMILY_RTSP_CONNS, values,
            G_N_ELEMENTS(values), labels);
}

static void gather_session(struct dub_metric *const *families, const struct rtsp_connection_info *info)
{
    const char *labels[] = {info->session, info->path, info->remote_address, info->state};
    const uint64_t values[] = {1,
                               info->received_bytes,
                               info->sent_bytes,
                               info->received_bytes,
                               info->sent_bytes,
                               info->dropped_messages,
                               info->received_packets,
                               info->lost_packets,
                               info->bad_packets,
                               info->sent_packets};
    add_row(families, info->is_encrypted ? FAMILY_TLS_SESSIONS : FAMILY_SESSIONS, values,
            G_N_ELEMENTS(values), labels);
}

static void gather_rtsp(struct dub_metric *const *families, struct rtsp_server *rtsp)
{
    if (rtsp == NULL)
        return;
    g_autoptr(GPtrArray) connections = rtsp_server_list(rtsp);
    for (guint i = 0; i < connections->len; i++) {
        const struct rtsp_connection_info *info = connections->pdata[i];
        gather_rtsp_connection(families, info);
        if (*info->session != '\0')
            gather_session(families, info);
    }
}

static void gather_counters(struct dub_metrics *registry, const struct router_counters *counters)
{
    const uint64_t values[] = {
#define X(field, name, help) [COUNTER_##field] = counters->field,
        ROUTER_COUNTERS(X)
#undef X
    };
    for (size_t i = 0; i < N_COUNTERS; i++)
        dub_metric_set(dub_metrics_add(registry, &counter_specs[i]), (double)values[i], NULL);
}

/* A registry per request: what has ended is gone by itself. */
static char *gather(const struct router_metrics *metrics)
{
    struct dub_metric *families[N_FAMILIES];
    struct dub_metrics *registry = dub_metrics_new();
    for (size_t i = 0; i < N_FAMILIES; i++)
        families[i] = dub_metrics_add(registry, &specs[i]);
    g_autoptr(GPtrArray) paths = router_list_paths(metrics->router);
    for (guint i = 0; i < paths->len; i++)
        gather_path(families, paths->pdata[i]);
    g_autoptr(GPtrArray) connections =
        metrics->rtmp != NULL ? rtmp_server_list(metrics->rtmp) : g_ptr_array_new();
    for (guint i = 0; i < connections->len; i++)
        gather_connection(families, connections->pdata[i]);
    gather_rtsp(families, metrics->rtsp);
    gather_counters(registry, router_counters(metrics->router));
    dub_metric_set(families[FAMILY_HELD], (double)media_held_bytes(), NULL);
    char *text = dub_metrics_format(registry);
    dub_metrics_free(registry);
    return text;
}

static void on_metrics(struct dub_http_request *request, void *user)
{
    dub_http_reply_text(request, 200, DUB_METRICS_CONTENT_TYPE, gather(user));
}

static bool admit(struct dub_http_request *request, void *user)
{
    const struct router_metrics *metrics = user;
    return access_check(request, router_config_of(metrics->router)->users, AUTH_METRICS);
}

static const struct dub_http_route routes[] = {{"GET", "/metrics", on_metrics, 0}, {NULL}};

struct router_metrics *router_metrics_new(const char *address, struct router *router,
                                          struct rtmp_server *rtmp, struct rtsp_server *rtsp,
                                          struct dub_error *error)
{
    struct router_metrics *metrics = g_new0(struct router_metrics, 1);
    metrics->router = router;
    metrics->rtmp = rtmp;
    metrics->rtsp = rtsp;
    struct dub_http_config config = {.address = address,
                                     .admit = admit,
                                     .format_error = access_format_error,
                                     .max_connections = ACCESS_MAX_CONNECTIONS,
                                     .make_room = true,
                                     .request_timeout_ms = ACCESS_TIMEOUT_MS};
    const struct router_config *settings = router_config_of(router);
    if (settings->metrics_encryption) {
        config.tls_cert = settings->metrics_server_cert;
        config.tls_key = settings->metrics_server_key;
    }
    metrics->http = dub_http_server_new(&config, routes, metrics, error);
    if (metrics->http == NULL)
        g_clear_pointer(&metrics, g_free);
    return metrics;
}

unsigned router_metrics_port(const struct router_metrics *metrics)
{
    return dub_http_server_port(metrics->http);
}

void router_metrics_free(struct router_metrics *metrics)
{
    if (metrics == NULL)
        return;
    dub_http_server_free(metrics->http);
    g_free(metrics);
}
