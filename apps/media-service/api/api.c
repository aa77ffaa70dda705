/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include "handlers.h"

#include <dubbing_hooks.h>
#include <dubbing_json.h>

/* A hook with all its fields as long as they may be, each byte escaped, fits. */
#define BODY_MAX_BYTES (128 * 1024)
/* Whoever is meant to call sends its request at once, so that the oldest can go. */
#define CONNECTIONS_MAX 256
#define CONNECTIONS_PER_ADDRESS_MAX 128
#define REQUEST_TIMEOUT_MS 10000

void api_reply_object(struct dub_http_request *request, unsigned status, JsonObject *take_object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), take_object);
    json_object_unref(take_object);
    dub_http_reply_json(request, status, node);
}

void api_reply_failure(struct dub_http_request *request, const struct dub_error *error)
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
    else if (error->code == DUB_ERROR_CANCELLED)
        status = 503; /* we are stopping: the next media-service will do it */
    dub_http_reply_error(request, status, dub_error_code_name(error->code), "%s", error->message);
}

JsonObject *api_describe(const struct api *api, const struct stream *stream)
{
    return stream_to_json(stream, api->deps.workers, dub_clock_now_ns(api->deps.clock));
}

void api_on_state(struct api *api, const struct stream *stream)
{
    g_autofree char *text = dub_json_object_to_string_take(api_describe(api, stream));
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
    {"POST", DUB_HOOK_READY_PATH, api_on_ready_hook, DUB_HTTP_WRITES},
    {"POST", DUB_HOOK_NOT_READY_PATH, api_on_not_ready_hook, DUB_HTTP_WRITES},
    {"GET", "/api/v1/streams", api_on_list, 0},
    {"POST", "/api/v1/streams", api_on_start, DUB_HTTP_WRITES},
    {"GET", "/api/v1/streams/{id}", api_on_get, 0},
    {"DELETE", "/api/v1/streams/{id}", api_on_stop, DUB_HTTP_WRITES},
    {"POST", "/api/v1/streams/{id}/restart", api_on_restart, DUB_HTTP_WRITES},
    {"PUT", "/api/v1/streams/{id}/egress", api_on_set_egress, DUB_HTTP_WRITES},
    {"DELETE", "/api/v1/streams/{id}/egress", api_on_end_egress, DUB_HTTP_WRITES},
    {"GET", "/api/v1/streams/{id}/phrases", api_on_phrases, 0},
    {"GET", "/api/v1/events", api_on_events, 0},
    {"GET", "/health", api_on_health, 0},
    {"GET", "/ready", api_on_ready, 0},
    {"GET", "/metrics", api_on_metrics, 0},
    {NULL},
};

struct api *api_new(const char *address, const char *api_key, const struct api_deps *deps,
                    struct dub_error *error)
{
    struct api *api = g_new0(struct api, 1);
    struct dub_http_config config = {.address = address,
                                     .api_key = api_key,
                                     .max_body_bytes = BODY_MAX_BYTES,
                                     .max_connections = CONNECTIONS_MAX,
                                     .max_per_address = CONNECTIONS_PER_ADDRESS_MAX,
                                     .make_room = true,
                                     .request_timeout_ms = REQUEST_TIMEOUT_MS};
    api->deps = *deps;
    api->events = events_new(NULL);
    api->long_answers = api_long_answers_new();
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
    g_ptr_array_unref(api->long_answers);
    dub_http_server_free(api->server);
    g_free(api);
}

unsigned api_port(const struct api *api)
{
    return dub_http_server_port(api->server);
}
