/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include "../orch/hooks.h"
#include "events.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <string.h>

#define URL_MAX_BYTES 4096

struct api {
    struct api_deps deps;
    struct events *events;
    struct dub_http_server *server;
};

static void reply_object(struct dub_http_request *request, unsigned status, JsonObject *take_object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), take_object);
    json_object_unref(take_object);
    dub_http_reply_json(request, status, node);
}

static void reply_failure(struct dub_http_request *request, const struct dub_error *error)
{
    unsigned status = 500;
    if (error->code == DUB_ERROR_INVALID_ARGUMENT)
        status = 400;
    else if (error->code == DUB_ERROR_STREAM_NOT_FOUND)
        status = 404;
    else if (error->code == DUB_ERROR_UNAVAILABLE)
        status = 409;
    else if (error->code == DUB_ERROR_LIMIT)
        status = 429;
    dub_http_reply_error(request, status, dub_error_code_name(error->code), "%s", error->message);
}

static JsonObject *describe(const struct api *api, const struct stream *stream)
{
    return stream_to_json(stream, api->deps.workers, dub_clock_now_ns(api->deps.clock));
}

/* ---- hooks ---- */

static void reply_hook(struct dub_http_request *request, const char *stream_id, const struct stream *stream)
{
    g_autofree char *event_id = dub_uuid_new();
    struct dub_hook_answer answer = {.event_id = event_id,
                                     .stream_id = (char *)stream_id,
                                     .run_id = stream != NULL ? stream->run_id : NULL};
    dub_http_reply_json(request, 202, dub_hook_answer_to_json(&answer));
}

static bool handle_ready(struct api *api, struct dub_http_request *request, const struct hook *hook)
{
    struct stream *stream = NULL;
    struct dub_error error = {0};
    if (registry_publisher_ready(api->deps.registry, hook->stream_id, hook->event.query,
                                 hook->event.source_id, &stream, &error)) {
        reply_hook(request, hook->stream_id, stream);
        return true;
    }
    reply_failure(request, &error);
    return false;
}

static bool handle_not_ready(struct api *api, struct dub_http_request *request, const struct hook *hook)
{
    reply_hook(request, hook->stream_id,
               registry_publisher_gone(api->deps.registry, hook->stream_id, hook->event.source_id));
    return true;
}

static void on_hook(struct api *api, struct dub_http_request *request, const char *event,
                    bool (*handle)(struct api *, struct dub_http_request *, const struct hook *))
{
    struct hook hook;
    struct dub_error error = {0};
    bool accepted = false;
    g_autoptr(JsonObject) body = dub_http_request_json(request);
    if (body != NULL && hook_read(&hook, body, &error)) {
        accepted = handle(api, request, &hook);
        hook_clear(&hook);
    } else if (body != NULL) {
        reply_failure(request, &error);
    }
    service_metrics_count_hook(api->deps.metrics, event, accepted ? "accepted" : "rejected");
}

static void on_ready_hook(struct dub_http_request *request, void *user)
{
    on_hook(user, request, "ready", handle_ready);
}

static void on_not_ready_hook(struct dub_http_request *request, void *user)
{
    on_hook(user, request, "not-ready", handle_not_ready);
}

/* ---- streams ---- */

static void on_list(struct dub_http_request *request, void *user)
{
    struct api *api = user;
    JsonArray *array = json_array_new();
    g_autoptr(GList) streams = registry_list(api->deps.registry);
    for (GList *item = streams; item != NULL; item = item->next)
        json_array_add_object_element(array, describe(api, item->data));
    JsonObject *object = json_object_new();
    json_object_set_array_member(object, "streams", array);
    reply_object(request, 200, object);
}

/* NULL after a 404. */
static struct stream *find_or_404(struct api *api, struct dub_http_request *request)
{
    struct stream *stream = registry_find(api->deps.registry, request->params[0]);
    if (stream == NULL)
        dub_http_reply_error(request, 404, "STREAM_NOT_FOUND", "there is no stream \"%s\"",
                             request->params[0]);
    return stream;
}

static void on_get(struct dub_http_request *request, void *user)
{
    const struct stream *stream = find_or_404(user, request);
    if (stream != NULL)
        reply_object(request, 200, describe(user, stream));
}

static void on_start(struct dub_http_request *request, void *user)
{
    struct api *api = user;
    struct dub_error error = {0};
    struct stream *stream = NULL;
    bool failed = false;
    g_autoptr(JsonObject) body = dub_http_request_json(request);
    if (body == NULL)
        return;
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), body);
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, &error);
    const char *stream_id = dub_json_read_string(&reader, "streamId", 0);
    const char *input_url = dub_json_read_string_or(&reader, "inputUrl", URL_MAX_BYTES, NULL);
    const char *output_url = dub_json_read_string_or(&reader, "outputUrl", URL_MAX_BYTES, NULL);
    if (!failed && !dub_stream_id_is_valid(stream_id))
        failed =
            !dub_error_set(&error, DUB_ERROR_INVALID_ARGUMENT,
                           "streamId: must be 1 to %d letters, digits, \"-\" or \"_\"", DUB_STREAM_ID_MAX);
    if (failed ||
        !registry_start(api->deps.registry, stream_id, input_url, output_url, body, &stream, &error)) {
        reply_failure(request, &error);
        return;
    }
    reply_object(request, 201, describe(api, stream));
}

static void on_wish(struct dub_http_request *request, struct api *api,
                    bool (*wish)(struct registry *, const char *, struct dub_error *))
{
    struct dub_error error = {0};
    if (!wish(api->deps.registry, request->params[0], &error)) {
        reply_failure(request, &error);
        return;
    }
    reply_object(request, 202, describe(api, registry_find(api->deps.registry, request->params[0])));
}

static void on_stop(struct dub_http_request *request, void *user)
{
    on_wish(request, user, registry_stop);
}

static void on_restart(struct dub_http_request *request, void *user)
{
    on_wish(request, user, registry_restart);
}

/* The number after "after=", 0 without one; false after a 400. */
static bool read_after(struct dub_http_request *request, gint64 *after)
{
    const char *text = request->query != NULL ? g_hash_table_lookup(request->query, "after") : NULL;
    *after = 0;
    if (text == NULL || g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, after, NULL))
        return true;
    dub_http_reply_error(request, 400, "INVALID_ARGUMENT", "after: must be a whole number from 0");
    return false;
}

static void on_phrases(struct dub_http_request *request, void *user)
{
    gint64 after;
    const struct stream *stream = find_or_404(user, request);
    if (stream == NULL || !read_after(request, &after))
        return;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "streamId", stream->id);
    json_object_set_string_member(object, "runId", stream->run_id);
    json_object_set_int_member(object, "lastSeq", stream->ledger.last_seq);
    json_object_set_array_member(object, "phrases", ledger_to_json(&stream->ledger, after));
    reply_object(request, 200, object);
}

static void on_events(struct dub_http_request *request, void *user)
{
    events_add_listener(((struct api *)user)->events, request);
}

/* ---- health ---- */

static void on_health(struct dub_http_request *request, void *user)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "status", "ok");
    json_object_set_string_member(object, "version", DUB_VERSION);
    reply_object(request, 200, object);
}

/* Adds {"ok", "detail"} for a dependency. */
static bool add_check(JsonObject *checks, const char *name, bool ok, const char *problem)
{
    JsonObject *check = json_object_new();
    json_object_set_boolean_member(check, "ok", ok);
    if (!ok)
        json_object_set_string_member(check, "detail", problem);
    json_object_set_object_member(checks, name, check);
    return ok;
}

static bool program_exists(const char *program)
{
    g_autofree char *path = g_find_program_in_path(program);
    return path != NULL;
}

static void on_ready(struct dub_http_request *request, void *user)
{
    const struct api_deps *deps = &((struct api *)user)->deps;
    JsonObject *checks = json_object_new();
    bool ready = add_check(checks, "router", reconcile_router_is_reachable(deps->reconcile),
                           reconcile_problem(deps->reconcile));
    ready &= add_check(checks, "stateDir", state_dir_is_writable(deps->state_dir),
                       "ORCH_STATE_DIR is not writable");
    ready &= add_check(checks, "worker", program_exists(deps->worker_program),
                       "the program of ORCH_WORKER_COMMAND is not there or cannot be executed");
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "ready", ready);
    json_object_set_object_member(object, "checks", checks);
    reply_object(request, ready ? 200 : 503, object);
}

static void on_metrics(struct dub_http_request *request, void *user)
{
    const struct api_deps *deps = &((struct api *)user)->deps;
    dub_http_reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8",
                        service_metrics_format(deps->metrics, deps->registry));
}

/* ---- events ---- */

void api_on_state(struct api *api, const struct stream *stream)
{
    g_autofree char *text = dub_json_object_to_string_take(describe(api, stream));
    events_send(api->events, "state", text);
}

void api_on_phrase(struct api *api, const struct stream *stream, JsonNode *line)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "streamId", stream->id);
    json_object_set_string_member(object, "runId", stream->run_id);
    json_object_set_member(object, "phrase", json_node_copy(line));
    g_autofree char *text = dub_json_object_to_string_take(object);
    events_send(api->events, "phrase", text);
}

static const struct dub_http_route routes[] = {
    {"POST", DUB_HOOK_READY_PATH, on_ready_hook, DUB_HTTP_WRITES},
    {"POST", DUB_HOOK_NOT_READY_PATH, on_not_ready_hook, DUB_HTTP_WRITES},
    {"GET", "/api/v1/streams", on_list, 0},
    {"POST", "/api/v1/streams", on_start, DUB_HTTP_WRITES},
    {"GET", "/api/v1/streams/{id}", on_get, 0},
    {"DELETE", "/api/v1/streams/{id}", on_stop, DUB_HTTP_WRITES},
    {"POST", "/api/v1/streams/{id}/restart", on_restart, DUB_HTTP_WRITES},
    {"GET", "/api/v1/streams/{id}/phrases", on_phrases, 0},
    {"GET", "/api/v1/events", on_events, 0},
    {"GET", "/health", on_health, 0},
    {"GET", "/ready", on_ready, 0},
    {"GET", "/metrics", on_metrics, 0},
    {NULL},
};

struct api *api_new(const char *address, const char *api_key, const struct api_deps *deps,
                    struct dub_error *error)
{
    struct api *api = g_new0(struct api, 1);
    struct dub_http_config config = {.address = address, .api_key = api_key};
    api->deps = *deps;
    api->events = events_new();
    api->server = dub_http_server_new(&config, routes, api, error);
    if (api->server == NULL) {
        api_free(api);
        return NULL;
    }
    return api;
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    events_free(api->events);
    dub_http_server_free(api->server);
    g_free(api);
}

unsigned api_port(const struct api *api)
{
    return dub_http_server_port(api->server);
}
