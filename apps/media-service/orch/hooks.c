/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hooks.h"

#include <dubbing_ids.h>

bool hook_read(struct hook *hook, JsonObject *body, struct dub_error *error)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), body);
    *hook = (struct hook){0};
    if (!dub_hook_event_read(&hook->event, node, error)) {
        hook_clear(hook);
        return false;
    }
    hook->stream_id = dub_stream_id_from_path(hook->event.path);
    if (hook->stream_id != NULL)
        return true;
    dub_error_set(
        error, DUB_ERROR_INVALID_ARGUMENT,
        "path: \"%s\" is not live/<streamId>/in with 1 to %d letters, digits, \"-\" or \"_\" in <streamId>",
        hook->event.path, DUB_STREAM_ID_MAX);
    hook_clear(hook);
    return false;
}

void hook_clear(struct hook *hook)
{
    dub_hook_event_clear(&hook->event);
    g_clear_pointer(&hook->stream_id, g_free);
}
