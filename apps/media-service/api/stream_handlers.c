/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <dubbing_text.h>
#include <string.h>

#define URL_MAX_BYTES 4096

/* A list in the making: of the streams by their ids, or of the phrases of one. */
struct list {
    const struct api *api;
    char *head; /* what stands before the phrases */
    GPtrArray *items;
    guint next;
    bool has_any;
};

static void free_list(void *data)
{
    struct list *list = data;
    g_ptr_array_unref(list->items);
    g_free(list->head);
    g_free(list);
}

static void append_item(struct list *list, GString *text, char *take_json)
{
    if (list->has_any)
        g_string_append_c(text, ',');
    list->has_any = true;
    g_string_append(text, take_json);
    g_free(take_json);
}

static bool append_stream(GString *text, void *user)
{
    struct list *list = user;
    if (list->next == 0)
        g_string_append(text, "{\"streams\":[");
    const struct stream *stream =
        list->next < list->items->len
            ? registry_find(list->api->deps.registry, list->items->pdata[list->next])
            : NULL;
    /* One may have been forgotten meanwhile. */
    if (stream != NULL)
        append_item(list, text, dub_json_object_to_string_take(api_describe(list->api, stream)));
    if (++list->next < list->items->len)
        return true;
    g_string_append(text, "]}");
    return false;
}

void api_on_list(struct dub_http_request *request, void *user)
{
    struct api *api = user;
    struct list *list = g_new0(struct list, 1);
    g_autoptr(GList) streams = registry_list(api->deps.registry);
    list->api = api;
    list->items = g_ptr_array_new_with_free_func(g_free);
    for (GList *item = streams; item != NULL; item = item->next)
        g_ptr_array_add(list->items, g_strdup(((const struct stream *)item->data)->id));
    api_reply_in_parts(api, request, append_stream, list, free_list);
}

/* NULL after a 404. */
static struct stream *find_or_404(struct api *api, struct dub_http_request *request)
{
    struct stream *stream = registry_find(api->deps.registry, request->params[0]);
    if (stream == NULL)
        dub_http_reply_error(request, 404, "STREAM_NOT_FOUND", "there is no stream \"%.*s\"",
                             dub_text_cut(request->params[0], DUB_STREAM_ID_MAX), request->params[0]);
    return stream;
}

void api_on_get(struct dub_http_request *request, void *user)
{
    const struct stream *stream = find_or_404(user, request);
    if (stream != NULL)
        api_reply_object(request, 200, api_describe(user, stream));
}

/* NULL without one: the router's. */
static const char *read_url(struct dub_json_reader *reader, const char *name)
{
    const char *url = dub_json_read_string_or(reader, name, URL_MAX_BYTES, NULL);
    bool is_clean = url == NULL || (*url != '\0' && g_utf8_validate(url, -1, NULL));
    for (const char *c = url; is_clean && c != NULL && *c != '\0'; c++)
        is_clean = !g_ascii_iscntrl(*c);
    if (!is_clean && !*reader->failed)
        *reader->failed =
            !dub_error_set(reader->error, DUB_ERROR_INVALID_ARGUMENT,
                           "%s: must be a URL or a file name, without control characters", name);
    return url;
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
    const char *input_url = read_url(&reader, "inputUrl");
    const char *output_url = read_url(&reader, "outputUrl");
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

/* The number of a query parameter, fallback without one; false after a 400. */
static bool read_number(struct dub_http_request *request, const char *name, gint64 min, gint64 max,
                        gint64 fallback, gint64 *value)
{
    const char *text = request->query != NULL ? g_hash_table_lookup(request->query, name) : NULL;
    *value = fallback;
    if (text == NULL || g_ascii_string_to_signed(text, 10, min, max, value, NULL))
        return true;
    dub_http_reply_error(request, 400, "INVALID_ARGUMENT",
                         "%s: must be a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, name,
                         min, max);
    return false;
}

/* The object without its phrases and its last brace. */
static char *describe_ledger(const struct stream *stream)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "streamId", stream->id);
    json_object_set_string_member(object, "runId", stream->run_id);
    json_object_set_int_member(object, "lastSeq", stream->ledger.last_seq);
    char *text = dub_json_object_to_string_take(object);
    text[strlen(text) - 1] = '\0';
    return text;
}

static bool append_phrase(GString *text, void *user)
{
    struct list *list = user;
    if (list->next == 0)
        g_string_append_printf(text, "%s,\"phrases\":[", list->head);
    if (list->next < list->items->len)
        append_item(list, text, dub_json_to_string(list->items->pdata[list->next]));
    if (++list->next < list->items->len)
        return true;
    g_string_append(text, "]}");
    return false;
}

void api_on_phrases(struct dub_http_request *request, void *user)
{
    gint64 after, limit;
    const struct stream *stream = find_or_404(user, request);
    if (stream == NULL || !read_number(request, "after", 0, G_MAXINT64, 0, &after) ||
        !read_number(request, "limit", 1, LEDGER_MAX_LINES, LEDGER_MAX_LINES, &limit))
        return;
    struct list *list = g_new0(struct list, 1);
    list->items = ledger_list(&stream->ledger, after, (guint)limit);
    list->head = describe_ledger(stream);
    api_reply_in_parts(user, request, append_phrase, list, free_list);
}

void api_on_events(struct dub_http_request *request, void *user)
{
    events_add_listener(((struct api *)user)->events, request);
}
