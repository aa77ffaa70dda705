/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http_api.h"

#include "../refusal_log.h"
#include "rate_limit.h"

#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_rest.h>
#include <dubbing_text.h>
#include <glib-unix.h>
#include <poll.h>

/* The largest audio that is allowed, and what stands around it. */
#define BODY_BYTES_MAX (DUB_AUDIO_BASE64_BYTES_MAX + 1024 * 1024)
/* Requests at a time; more are told to come back. */
#define WORKING_MAX 64
/* For the last answers to be taken, at the end. */
#define LAST_ANSWERS_MS 1000
/* Set on messages whose refusal has been logged, or is none. */
#define IS_LOGGED "sts-is-logged"
#define PATH_BYTES_SHOWN 100
#define STOPPING "the service is stopping; try again when it is back"

struct http_api {
    struct processor *processor;
    const struct dub_clock *clock;
    struct sts_metrics *metrics;
    struct dub_http_server *server;
    GQueue pending;     /* of struct pending */
    unsigned n_working; /* of these, whose answer is still being made */
    bool is_stopping;
    struct rate_limit rate;
    struct refusal_log refusals;
    uint64_t last_owner;
};

/* One POST that was let in and whose answer has not yet left. */
struct pending {
    struct http_api *api;
    SoupServerMessage *message;
    gulong finished_handler;
    guint hangup_watch; /* 0: none */
    GCancellable *cancellable;
    struct job *job; /* the processor's; we may clear `done`. NULL once answered */
};

static void pending_free(struct pending *pending)
{
    g_queue_remove(&pending->api->pending, pending);
    g_signal_handler_disconnect(pending->message, pending->finished_handler);
    g_clear_handle_id(&pending->hangup_watch, g_source_remove);
    g_object_unref(pending->message);
    g_object_unref(pending->cancellable);
    g_free(pending);
}

/* The answer has been made, or will not be: it is up to libsoup now. */
static void leave_work(struct pending *pending)
{
    pending->job = NULL;
    pending->api->n_working--;
    g_clear_handle_id(&pending->hangup_watch, g_source_remove);
    dub_metric_inc(pending->api->metrics->in_flight, -1, NULL);
    soup_server_message_unpause(pending->message);
}

static void cancel_job(struct pending *pending)
{
    struct processor *processor = pending->api->processor;
    uint64_t owner = pending->job->owner;

    pending->job->done = NULL;
    g_cancellable_cancel(pending->cancellable);
    processor->ops->cancel(processor, owner);
    leave_work(pending);
}

/* Nobody waits for the answer any more. */
static void abandon(struct pending *pending)
{
    g_object_set_data(G_OBJECT(pending->message), IS_LOGGED, pending->api);
    soup_server_message_set_status(pending->message, SOUP_STATUS_SERVICE_UNAVAILABLE, NULL);
    cancel_job(pending);
    pending_free(pending);
}

/* The answer has left, or the client. */
static void on_message_finished(SoupServerMessage *message, gpointer user)
{
    struct pending *pending = user;
    if (pending->job)
        abandon(pending);
    else
        pending_free(pending);
}

static gboolean on_hangup(gint fd, GIOCondition condition, gpointer user)
{
    struct pending *pending = user;
    pending->hangup_watch = 0;
    abandon(pending);
    return G_SOURCE_REMOVE;
}

/* libsoup does not look at the connection of a paused message, so a client that goes away would go unnoticed.
 * One that closes only its sending side counts as gone, too: no client of ours does. */
static void watch_for_hangup(struct pending *pending)
{
    GSocket *socket = soup_server_message_get_socket(pending->message);
    if (socket)
        pending->hangup_watch = g_unix_fd_add(
            g_socket_get_fd(socket), (GIOCondition)(POLLRDHUP | POLLHUP | POLLERR), on_hangup, pending);
}

static void reply_error(struct http_api *api, struct dub_http_request *request, const char *fragment_id,
                        const struct dub_error *error)
{
    unsigned status = dub_process_error_status(error->code);
    if (status == 429 || status == 503)
        soup_message_headers_replace(soup_server_message_get_response_headers(request->message),
                                     "Retry-After", "1");
    sts_metrics_error(api->metrics, error);
    g_object_set_data(G_OBJECT(request->message), IS_LOGGED, api);
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
    if (status < 400 || g_object_get_data(G_OBJECT(message), IS_LOGGED))
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

static void on_job_done(struct job *job, void *user)
{
    struct pending *pending = user;
    struct http_api *api = pending->api;
    struct dub_http_request request = {.server = api->server, .message = pending->message};

    job->result.processing_time_ms = (dub_clock_now_ns(api->clock) - job->arrived_ns) / DUB_NS_PER_MS;
    reply_processed(api, &request, &job->result);
    job_log_result(job);
    leave_work(pending);
    job_free(job);
}

static struct job *new_job(struct http_api *api, struct dub_process_request *process,
                           const struct dub_stream_config *config, GCancellable *cancellable)
{
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
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    if (api->is_stopping)
        return dub_error_set(error, DUB_ERROR_QUEUE_FULL, STOPPING);
    if (api->n_working >= WORKING_MAX)
        return dub_error_set(error, DUB_ERROR_QUEUE_FULL,
                             "%d requests are being processed; try again in a second", WORKING_MAX);
    struct job *job = new_job(api, process, config, cancellable);
    if (!api->processor->ops->submit(api->processor, job, error)) {
        job_free(job);
        return false;
    }
    struct pending *pending = g_new0(struct pending, 1);
    pending->api = api;
    pending->message = g_object_ref(request->message);
    pending->cancellable = g_steal_pointer(&cancellable);
    pending->job = job;
    pending->finished_handler =
        g_signal_connect(request->message, "finished", G_CALLBACK(on_message_finished), pending);
    job->done = on_job_done;
    job->user = pending;
    g_queue_push_tail(&api->pending, pending);
    api->n_working++;
    dub_metric_inc(api->metrics->in_flight, 1, NULL);
    soup_server_message_pause(request->message);
    watch_for_hangup(pending);
    return true;
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

/* We listen only once the engines are loaded, so whoever can ask gets a yes, with what there is. */
static void on_ready(struct dub_http_request *request, void *user)
{
    struct http_api *api = user;
    JsonObject *object = api->processor->ops->describe(api->processor);
    json_object_set_string_member(object, "status", "ready");
    json_object_set_int_member(object, "depth", api->processor->ops->depth(api->processor));
    dub_http_reply_json(request, 200, node_take(object));
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
    g_queue_init(&api->pending);
    rate_limit_init(&api->rate, config->max_requests_per_second, dub_clock_now_ns(config->clock));
    api->server = dub_http_server_new(&http, routes, api, error);
    if (!api->server) {
        g_free(api);
        return NULL;
    }
    SoupServer *soup = dub_http_server_soup(api->server);
    g_signal_connect(soup, "request-started", G_CALLBACK(on_request_started), api);
    return api;
}

static gboolean on_late(gpointer user)
{
    *(bool *)user = true;
    return G_SOURCE_REMOVE;
}

static bool has_work(const struct http_api *api)
{
    return api->n_working > 0;
}

static bool has_answers(const struct http_api *api)
{
    return api->pending.length > 0;
}

static void iterate_while(const struct http_api *api, bool (*is_busy)(const struct http_api *api),
                          unsigned at_most_ms)
{
    bool is_late = false;
    guint timer = g_timeout_add(at_most_ms, on_late, &is_late);
    while (!is_late && is_busy(api))
        g_main_context_iteration(NULL, TRUE);
    if (!is_late)
        g_source_remove(timer);
}

static void refuse_work(struct http_api *api)
{
    struct dub_error error;
    dub_error_set(&error, DUB_ERROR_QUEUE_FULL, STOPPING);
    for (GList *link = api->pending.head; link; link = link->next) {
        struct pending *pending = link->data;
        struct dub_http_request request = {.server = api->server, .message = pending->message};
        if (!pending->job)
            continue;
        refuse(api, &request, pending->job->result.stream_id, pending->job->result.fragment_id, &error);
        cancel_job(pending);
    }
}

void http_api_stop(struct http_api *api, unsigned finish_ms)
{
    api->is_stopping = true;
    iterate_while(api, has_work, finish_ms);
    refuse_work(api);
    iterate_while(api, has_answers, LAST_ANSWERS_MS);
}

void http_api_free(struct http_api *api)
{
    if (!api)
        return;
    struct pending *pending;
    while ((pending = g_queue_peek_head(&api->pending)))
        on_message_finished(pending->message, pending);
    g_signal_handlers_disconnect_by_data(dub_http_server_soup(api->server), api);
    refusal_log_close(&api->refusals, NULL);
    dub_http_server_free(api->server);
    g_free(api);
}

struct dub_http_server *http_api_server(struct http_api *api)
{
    return api->server;
}
