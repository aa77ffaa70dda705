/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fields.h"

#include <dubbing_hooks.h>

bool dub_hook_event_read(struct dub_hook_event *event, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, error);

    *event = (struct dub_hook_event){.path = contract_read_string(&reader, "path", DUB_HOOK_PATH_BYTES_MAX)};
    event->query = contract_read_text(&reader, "query", DUB_HOOK_QUERY_BYTES_MAX);
    event->source_type = contract_read_string(&reader, "sourceType", DUB_HOOK_SOURCE_BYTES_MAX);
    event->source_id = contract_read_string(&reader, "sourceId", DUB_HOOK_SOURCE_BYTES_MAX);
    return !failed;
}

JsonNode *dub_hook_event_to_json(const struct dub_hook_event *event)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "path", event->path);
    contract_set_string(object, "query", event->query ? event->query : "");
    contract_set_string(object, "sourceType", event->source_type);
    contract_set_string(object, "sourceId", event->source_id);
    return contract_node_take(object);
}

void dub_hook_event_clear(struct dub_hook_event *event)
{
    g_free(event->path);
    g_free(event->query);
    g_free(event->source_type);
    g_free(event->source_id);
    *event = (struct dub_hook_event){0};
}

bool dub_hook_answer_read(struct dub_hook_answer *answer, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, error);

    *answer =
        (struct dub_hook_answer){.event_id = contract_read_string(&reader, "eventId", DUB_NAME_BYTES_MAX)};
    answer->stream_id = contract_read_id(&reader, "streamId");
    answer->run_id = contract_read_text(&reader, "runId", DUB_NAME_BYTES_MAX);
    return !failed;
}

JsonNode *dub_hook_answer_to_json(const struct dub_hook_answer *answer)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "eventId", answer->event_id);
    contract_set_string(object, "streamId", answer->stream_id);
    contract_set_string(object, "runId", answer->run_id ? answer->run_id : "");
    return contract_node_take(object);
}

void dub_hook_answer_clear(struct dub_hook_answer *answer)
{
    g_free(answer->event_id);
    g_free(answer->stream_id);
    g_free(answer->run_id);
    *answer = (struct dub_hook_answer){0};
}
