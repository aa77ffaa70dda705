/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../orch/hooks.h"
#include "handlers.h"

#include <dubbing_ids.h>

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
    api_reply_failure(request, &error);
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
        api_reply_failure(request, &error);
    }
    service_metrics_count_hook(api->deps.metrics, event, accepted ? "accepted" : "rejected");
}

void api_on_ready_hook(struct dub_http_request *request, void *user)
{
    on_hook(user, request, "ready", handle_ready);
}

void api_on_not_ready_hook(struct dub_http_request *request, void *user)
{
    on_hook(user, request, "not-ready", handle_not_ready);
}
