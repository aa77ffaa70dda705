/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>

#define URL_MAX_BYTES 4096

void api_on_list(struct dub_http_request *request, void *user)
{
    struct api *api = user;
    JsonArray *array = json_array_new();
    g_autoptr(GList) streams = registry_list(api->deps.registry);
    for (GList *item = streams; item != NULL; item = item->next)
        json_array_add_object_element(array, api_describe(api, item->data));
    JsonObject *object = json_object_new();
    json_object_set_array_member(object, "streams", array);
    api_reply_object(request, 200, object);
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

void api_on_get(struct dub_http_request *request, void *user)
{
    const struct stream *stream = find_or_404(user, request);
    if (stream != NULL)
        api_reply_object(request, 200, api_describe(user, stream));
}

void api_on_start(struct dub_http_request *request, void *user)
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
        api_reply_failure(request, &error);
        return;
    }
    api_reply_object(request, 201, api_describe(api, stream));
}

static void on_wish(struct dub_http_request *request, struct api *api,
                    bool (*wish)(struct registry *, const char *, struct dub_error *))
{
    struct dub_error error = {0};
    if (!wish(api->deps.registry, request->params[0], &error)) {
        api_reply_failure(request, &error);
        return;
    }
    api_reply_object(request, 202, api_describe(api, registry_find(api->deps.registry, request->params[0])));
}

void api_on_stop(struct dub_http_request *request, void *user)
{
    on_wish(request, user, registry_stop);
}

void api_on_restart(struct dub_http_request *request, void *user)
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

void api_on_phrases(struct dub_http_request *request, void *user)
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
    api_reply_object(request, 200, object);
}

void api_on_events(struct dub_http_request *request, void *user)
{
    events_add_listener(((struct api *)user)->events, request);
}
