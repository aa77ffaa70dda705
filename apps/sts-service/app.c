/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app.h"

#include "echo/echo.h"
#include "gpu/gpu.h"
#include "lineage/lineage.h"
#include "net/connections.h"
#include "net/http_api.h"
#include "pipeline/pipeline.h"

#include <dubbing_log.h>
#include <dubbing_main.h>
#include <string.h>

/* For requests over REST that are being processed when the service is told to stop: supervisors give ten
 * seconds for everything. */
#define FINISH_MS 5000
/* For fragments of live streams: an answer later than D is hardly of use, and what the worker keeps back
 * meanwhile wants to be somewhere else. */
#define STREAMS_FINISH_MS 3000
/* For clients to take their farewell. */
#define FAREWELL_MS 1000

struct app {
    struct sts_metrics metrics;
    bool echo;
    struct engines engines;  /* none in echo mode */
    struct gpu *gpu;         /* NULL: none is used */
    struct lineage *lineage; /* NULL: none is kept */
    struct processor *processor;
    struct http_api *http;
    struct connections *connections;
};

static void start_lineage(struct app *app, const struct sts_settings *settings)
{
    if (!settings->artifact_dir || !*settings->artifact_dir)
        return;
    dub_log_info("audio and texts of every fragment are kept in %s", settings->artifact_dir);
    app->lineage = lineage_new(&(struct lineage_config){
        .store = {.folder = settings->artifact_dir,
                  .max_bytes = settings->artifact_max_bytes,
                  .max_age_ms = settings->artifact_max_age_ns / DUB_NS_PER_MS,
                  .origin = {.run_id = settings->common.run_id,
                             .instance_id = dub_log_instance_id(),
                             .engines = {[JOB_ASR] = app->engines.asr_info.name,
                                         [JOB_TRANSLATION] = app->engines.translation_info.name,
                                         [JOB_TTS] = app->engines.tts_info.name}}},
        .metrics = &app->metrics,
    });
}

static bool start_processor(struct app *app, const struct sts_settings *settings, struct dub_error *error)
{
    if (app->echo) {
        app->processor = echo_new((unsigned)settings->echo_delay_ms, NULL);
        return true;
    }
    if (!engines_open(&app->engines, settings, error))
        return false;
    engines_note(&app->engines, &app->metrics);
    start_lineage(app, settings);
    if (strcmp(sts_device_name(settings->device), "cpu") != 0)
        app->gpu = gpu_new(&app->metrics, NULL);
    app->processor = pipeline_new(&(struct pipeline_config){
        .engines = &app->engines,
        .queue_capacity = (unsigned)settings->queue_max_depth,
        .metrics = &app->metrics,
        .lineage = app->lineage,
    });
    return true;
}

static char *address_of(const struct sts_settings *settings)
{
    bool is_ipv6 = strchr(settings->addr, ':') && *settings->addr != '[';
    return g_strdup_printf(is_ipv6 ? "[%s]:%d" : "%s:%d", settings->addr, (int)settings->port);
}

static unsigned milliseconds(int64_t duration_ns)
{
    return (unsigned)(duration_ns / DUB_NS_PER_MS);
}

static bool start_server(struct app *app, const struct sts_settings *settings, struct dub_error *error)
{
    g_autofree char *address = address_of(settings);
    app->http = http_api_new(
        &(struct http_api_config){
            .address = address,
            .api_key = settings->api_key,
            .tls_cert = settings->tls_cert,
            .tls_key = settings->tls_key,
            .max_connections = (unsigned)settings->http_max_connections,
            .request_timeout_ms = milliseconds(settings->http_timeout_ns),
            .max_requests_per_second = (unsigned)settings->http_rate_limit,
            .processor = app->processor,
            .clock = dub_clock_monotonic(),
            .metrics = &app->metrics,
        },
        error);
    if (!app->http)
        return false;
    app->connections = connections_new(dub_http_server_soup(http_api_server(app->http)),
                                       &(struct connections_config){
                                           .processor = app->processor,
                                           .clock = dub_clock_monotonic(),
                                           .metrics = &app->metrics,
                                           .limits = {.pause_from = (int)settings->inflight_pause,
                                                      .refuse_above = (int)settings->inflight_max},
                                           .api_key = settings->api_key,
                                           .echo = app->echo,
                                           .max_connections = (unsigned)settings->max_connections,
                                           .max_events_per_second = (unsigned)settings->rate_limit,
                                           .max_bytes_per_second = (unsigned)settings->rate_limit_bytes,
                                           .init_timeout_ms = milliseconds(settings->init_timeout_ns),
                                           .idle_timeout_ms = milliseconds(settings->idle_timeout_ns),
                                           .ping_interval_ms = milliseconds(settings->ping_interval_ns),
                                           .ping_timeout_ms = milliseconds(settings->ping_timeout_ns),
                                       });
    return true;
}

struct app *app_new(const struct sts_settings *settings, int *exit_code, struct dub_error *error)
{
    struct app *app = g_new0(struct app, 1);
    app->echo = settings->mode == STS_MODE_ECHO;
    sts_metrics_init(&app->metrics);
    int failure = STS_EXIT_ENGINE_MISSING;
    if (start_processor(app, settings, error)) {
        failure = STS_EXIT_ADDRESS_IN_USE;
        if (start_server(app, settings, error))
            return app;
    }
    *exit_code = error->code == DUB_ERROR_INVALID_CONFIG ? (int)DUB_EXIT_USAGE : failure;
    app_free(app);
    return NULL;
}

unsigned app_port(const struct app *app)
{
    return dub_http_server_port(http_api_server(app->http));
}

void app_stop(struct app *app)
{
    connections_stop(app->connections, STREAMS_FINISH_MS);
    http_api_stop(app->http, FINISH_MS);
    connections_wait_until_gone(app->connections, FAREWELL_MS);
}

void app_free(struct app *app)
{
    if (!app)
        return;
    connections_free(app->connections);
    http_api_free(app->http);
    if (app->echo)
        echo_free(app->processor);
    else
        pipeline_free(app->processor);
    lineage_free(app->lineage);
    gpu_free(app->gpu);
    engines_close(&app->engines);
    sts_metrics_clear(&app->metrics);
    g_free(app);
}
