/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../egress/dest_url.h"
#include "handlers.h"

#include <dubbing_json.h>

static void set_egress(struct dub_http_request *request, struct api *api, const char *dest_url)
{
    struct dub_error error = {0};
    const char *stream_id = request->params[0];
    if (!registry_set_egress(api->deps.registry, stream_id, dest_url, &error)) {
        api_reply_failure(request, &error);
        return;
    }
    api_reply_object(request, 202, api_describe(api, registry_find(api->deps.registry, stream_id)));
}

void api_on_set_egress(struct dub_http_request *request, void *user)
{
    struct dub_error error = {0};
    bool failed = false;
    g_autoptr(JsonObject) body = dub_http_request_json(request);
    if (body == NULL)
        return;
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), body);
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, &error);
    const char *dest_url = dub_json_read_string(&reader, "destUrl", 0);
    if (failed) {
        api_reply_failure(request, &error);
    } else if (!egress_dest_check(dest_url, &error)) {
        dub_http_reply_error(request, 400, dub_error_code_name(error.code), "destUrl: %s", error.message);
    } else {
        set_egress(request, user, dest_url);
    }
}

void api_on_end_egress(struct dub_http_request *request, void *user)
{
    set_egress(request, user, NULL);
}
