/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_api.h"

#include "../refusal_log.h"
#include "pending.h"
#include "rate_limit.h"

#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_rest.h>
#include <dubbing_text.h>

/* The largest audio that is allowed, and what stands around it. */
#define BODY_BYTES_MAX (DUB_AUDIO_BASE64_BYTES_MAX + 1024 * 1024)
#define PATH_BYTES_SHOWN 100

struct http_api {
    struct processor *processor;
    const struct dub_clock *clock;
    struct sts_metrics *metrics;
    struct dub_http_server *server;
    struct pending_requests *pending;
    struct rate_limit rate;
    struct refusal_log refusals;
    uint64_t last_owner;
};

static void reply_error(struct http_api *api, struct dub_http_request *request, const char *fragment_id,
                        const struct dub_error *error)
{
    unsigned status = dub_process_error_status(error->code);
    if (status == 429 || status == 503)
        soup_message_headers_replace(soup_server_message_get_response_headers(request->message),
                                     "Retry-After", "1");
    sts_metrics_error(api->metrics, error);
    g_object_set_data(G_OBJECT(request->message), HTTP_IS_LOGGED, api);
    dub_http_reply_json(request, status, dub_process_error_to_json(fragment_id, error));
}

/* What is not let in; a job that fails says so by itself. */
static void refuse(struct http_api *api, struct dub_http_request *request, const char *stream_id,
                   const char *fragment_id, const struct dub_error *error)
{
    struct dub_log_context context = {.stream_id = stream_id, .fragment_id = fragment_id};
    refusal_log_write(&api->refusals, dub_clock_now_ns(api->clock), &context,
                      "request refused: HTTP %u %s: %s", dub_process_error_status(error->code),
                      dub_error_code_name(error->code), error->message);
    reply_error(api, request, fragment_id, error);
}

/* What the HTTP layer, or the one of the WebSockets, has refused. The query may hold what is nobody's
 * business. */
static void on_wrote_headers(SoupServerMessage *message, gpointer user)
{
    struct http_api *api = user;
    unsigned status = soup_server_message_get_status(message);
    if (status < 400 || g_object_get_data(G_OBJECT(message), HTTP_IS_LOGGED))
        return;
    /* Of what is no HTTP at all there is none of both. */
    GUri *uri = soup_server_message_get_uri(message);
    const char *method = soup_server_message_get_method(message);
    const char *path = uri ? g_uri_get_path(uri) : "(no path)";
    refusal_log_write(&api->refusals, dub_clock_now_ns(api->clock), NULL, "%.16s %.*s refused: HTTP %u %s",
                      method ? method : "(no method)", dub_text_cut(path, PATH_BYTES_SHOWN), path, status,
                      soup_status_get_phrase(status));
}

/* By the time a request is over its status may no longer be what the client was told. */
static void on_request_started(SoupServer *soup, SoupServerMessage *message, gpointer user)
{
    g_signal_connect(message, "wrote-headers", G_CALLBACK(on_wrote_headers), user);
}

static void reply_processed(struct http_api *api, struct dub_http_request *request,
                            const struct dub_fragment_processed *processed)
{
    const char *status = dub_fragment_status_name(processed->status);
    dub_metric_observe(api->metrics->processing, (double)processed->processing_time_ms / 1000, &status);
    if (processed->status == DUB_FRAGMENT_FAILED) {
        reply_error(api, request, processed->fragment_id, &processed->error);
        return;
    }
    if (processed->error.code != DUB_ERROR_NONE)
        sts_metrics_error(api->metrics, &processed->error);
    dub_http_reply_json(request, 200, dub_process_answer_to_json(processed));
}

static void on_answer(SoupServerMessage *message, struct job *job, void *user)
{
    struct http_api *api = user;
    struct dub_http_request request = {.server = api->server, .message = message};
    job->result.processing_time_ms = (dub_clock_now_ns(api->clock) - job->arrived_ns) / DUB_NS_PER_MS;
    reply_processed(api, &request, &job->result);
    job_log_result(job);
}

static void on_refuse(SoupServerMessage *message, const struct job *job, const struct dub_error *error,
                      void *user)
{
    struct http_api *api = user;
    struct dub_http_request request = {.server = api->server, .message = message};
    refuse(api, &request, job->result.stream_id, job->result.fragment_id, error);
}

static const struct pending_events pending_events = {.answer = on_answer, .refuse = on_refuse};

static struct job *new_job(struct http_api *api, struct dub_process_request *process,
                           const struct dub_stream_config *config)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    struct job_settings *settings = job_settings_new(process->fragment.stream_id, config);
    struct job *job =
        job_new(JOB_FIRST_REQUEST + ++api->last_owner, settings, &process->fragment, cancellable);
    job_settings_unref(settings);
    job->arrived_ns = dub_clock_now_ns(api->clock);
    job->deadline_ns = job->arrived_ns + process->timeout_ms * DUB_NS_PER_MS;
    return job;
}

static bool submit(struct http_api *api, struct dub_http_request *request,
                   struct dub_process_request *process, const struct dub_stream_config *config,
                   struct dub_error *error)
{
    if (!pending_requests_have_room(api->pending, error))
        return false;
    struct job *job = new_job(api, process, config);
    if (pending_requests_submit(api->pending, request->message, job, error))
        return true;
    job_free(job);
    return false;
}

/* Everything that can be wrong with a request, in the order in which it is cheap to find out. */
static bool read_request(const struct dub_http_request *request, struct dub_process_request *process,
                         struct dub_error *error)
{
    *process = (struct dub_process_request){0};
    g_autoptr(JsonNode) body = dub_json_parse(request->body, request->body_size, error);
    if (!body) {
        error->code = DUB_ERROR_INVALID_CONFIG;
        return false;
    }
    return dub_process_request_read(process, body, error) &&
           dub_audio_check_duration(&process->fragment.audio, error);
}

/* Before anything is read of it: a body is megabytes of JSON. */
static bool is_within_rate(struct http_api *api, struct dub_http_request *request)
{
    struct dub_error error;
    if (rate_limit_allows(&api->rate, dub_clock_now_ns(api->clock)))
        return true;
    dub_error_set(&error, DUB_ERROR_RATE_LIMIT_EXCEEDED, "more than %.0f requests a second; try again",
                  api->rate.per_second);
    refuse(api, request, NULL, NULL, &error);
    return false;
}

static void on_process(struct dub_http_request *request, void *user)
{
    struct http_api *api = user;
    struct dub_process_request process;
    struct dub_error error;
    if (!is_within_rate(api, request))
        return;
    bool good = read_request(request, &process, &error);
    bool is_addressed = process.fragment.addressed;
    g_autofree char *stream_id = g_strdup(is_addressed ? process.fragment.stream_id : NULL);
    g_autofree char *fragment_id = g_strdup(is_addressed ? process.fragment.fragment_id : NULL);
    struct dub_stream_config config = {
        .source_language = process.source_language,
        .target_language = process.target_language,
        .voice_profile = process.voice_profile,
        .sample_rate_hz = process.fragment.audio.sample_rate_hz,
        .channels = process.fragment.audio.channels,
        .format = process.fragment.audio.format,
    };
    if (!good || !api->processor->ops->check_config(api->processor, &config, &error) ||
        !submit(api, request, &process, &config, &error))
        refuse(api, request, stream_id, fragment_id, &error);
    dub_process_request_clear(&process);
}

static JsonNode *node_take(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

static void on_engines(struct dub_http_request *request, void *user)
{
    struct http_api *api = user;
    dub_http_reply_json(request, 200, node_take(api->processor->ops->describe(api->processor)));
}

static void on_health(struct dub_http_request *request, void *user)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "status", "ok");
    json_object_set_string_member(object, "version", DUB_VERSION);
    dub_http_reply_json(request, 200, node_take(object));
}

/* We listen only once the engines are loaded, so whoever can ask gets a yes, with what there is, until we are
 * told to stop. */
static void on_ready(struct dub_http_request *request, void *user)
{
    struct http_api *api = user;
    bool is_stopping = pending_requests_are_stopping(api->pending);
    JsonObject *object = api->processor->ops->describe(api->processor);
    json_object_set_string_member(object, "status", is_stopping ? "stopping" : "ready");
    json_object_set_int_member(object, "depth", api->processor->ops->depth(api->processor));
    g_object_set_data(G_OBJECT(request->message), HTTP_IS_LOGGED, api);
    dub_http_reply_json(request, is_stopping ? SOUP_STATUS_SERVICE_UNAVAILABLE : SOUP_STATUS_OK,
                        node_take(object));
}

static void on_metrics(struct dub_http_request *request, void *user)
{
    struct http_api *api = user;
    dub_http_reply_text(request, 200, DUB_METRICS_CONTENT_TYPE, dub_metrics_format(api->metrics->registry));
}

static const struct dub_http_route routes[] = {
    {"POST", "/api/v1/sts/process", on_process, DUB_HTTP_KEYED},
    {"GET", "/api/v1/engines", on_engines, DUB_HTTP_ALWAYS},
    {"GET", "/health", on_health, DUB_HTTP_ALWAYS},
    {"GET", "/ready", on_ready, DUB_HTTP_ALWAYS},
    {"GET", "/metrics", on_metrics, DUB_HTTP_ALWAYS},
    {NULL},
};

/* The protocol's codes are all that a client has to know. */
static enum dub_error_code code_of_status(unsigned status)
{
    switch (status) {
    case 401:
    case 403:
        return DUB_ERROR_AUTH_FAILED;
    case 413:
        return DUB_ERROR_FRAGMENT_TOO_LARGE;
    case 429:
        return DUB_ERROR_RATE_LIMIT_EXCEEDED;
    case 503:
        return DUB_ERROR_QUEUE_FULL;
    default:
        return DUB_ERROR_INVALID_CONFIG;
    }
}

/* The shape of protocol.md section 2 for what the HTTP layer refuses by itself. */
static char *format_error(unsigned status, const char *code, const char *message)
{
    struct dub_error error;
    dub_error_set(&error, code_of_status(status), "%s", message);
    g_autoptr(JsonNode) node = dub_process_error_to_json(NULL, &error);
    return dub_json_to_string(node);
}

struct http_api *http_api_new(const struct http_api_config *config, struct dub_error *error)
{
    struct dub_http_config http = {
        .address = config->address,
        .api_key = config->api_key,
        .max_body_bytes = BODY_BYTES_MAX,
        .tls_cert = config->tls_cert,
        .tls_key = config->tls_key,
        .max_connections = config->max_connections,
        .request_timeout_ms = config->request_timeout_ms,
        .format_error = format_error,
    };
    struct http_api *api = g_new0(struct http_api, 1);
    api->processor = config->processor;
    api->clock = config->clock;
    api->metrics = config->metrics;
    rate_limit_init(&api->rate, config->max_requests_per_second, dub_clock_now_ns(config->clock));
    api->server = dub_http_server_new(&http, routes, api, error);
    if (!api->server) {
        g_free(api);
        return NULL;
    }
    api->pending = pending_requests_new(api->processor, api->metrics, &pending_events, api);
    SoupServer *soup = dub_http_server_soup(api->server);
    g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), api);
    return api;
}

void http_api_stop(struct http_api *api, unsigned finish_ms)
{
    pending_requests_stop(api->pending, finish_ms);
}

void http_api_free(struct http_api *api)
{
    if (!api)
        return;
    pending_requests_free(api->pending);
    g_signal_handlers_disconnect_by_data(dub_http_server_soup(api->server), api);
    refusal_log_close(&api->refusals, NULL);
    dub_http_server_free(api->server);
    g_free(api);
}

struct dub_http_server *http_api_server(struct http_api *api)
{
    return api->server;
}
