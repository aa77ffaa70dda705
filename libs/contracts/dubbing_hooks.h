/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router's hooks as mtx-hook posts them to media-service, and the answer: protocol.md section 3. The
 * functions follow the rules of dubbing_events.h. */
#pragma once

#include <dubbing_error.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#define DUB_HOOK_PATH_BYTES_MAX 1024
#define DUB_HOOK_QUERY_BYTES_MAX 8192
#define DUB_HOOK_SOURCE_BYTES_MAX 256
#define DUB_HOOK_READY_PATH "/v1/mediamtx/events/ready"
#define DUB_HOOK_NOT_READY_PATH "/v1/mediamtx/events/not-ready"

struct dub_hook_event {
    char *path;  /* "live/<streamId>/in"; not empty. Its form is the reader's business, not checked here */
    char *query; /* may be empty; as it came: encoded or not */
    char *source_type; /* "rtmpConn" */
    char *source_id;   /* a UUID */
};

/* All four are required. Problems are INVALID_ARGUMENT. */
bool dub_hook_event_read(struct dub_hook_event *event, JsonNode *node, struct dub_error *error);
JsonNode *dub_hook_event_to_json(const struct dub_hook_event *event);
void dub_hook_event_clear(struct dub_hook_event *event);

struct dub_hook_answer {
    char *event_id;
    char *stream_id;
    char *run_id; /* "" when the stream is not running: a not-ready for one that never was */
};

/* Problems of an answer are PROTOCOL. */
bool dub_hook_answer_read(struct dub_hook_answer *answer, JsonNode *node, struct dub_error *error);
JsonNode *dub_hook_answer_to_json(const struct dub_hook_answer *answer);
void dub_hook_answer_clear(struct dub_hook_answer *answer);
