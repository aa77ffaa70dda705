/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /api/v1/sts/process of sts-service: protocol.md section 2. The functions follow the rules of
 * dubbing_events.h. */
#pragma once

#include <dubbing_events.h>

struct dub_process_request {
    struct dub_fragment_data fragment; /* its timestamp is optional here */
    char *source_language;
    char *target_language;
    char *voice_profile;
    int timeout_ms;
};

/* Problems of audio are INVALID_AUDIO_FORMAT or FRAGMENT_TOO_LARGE, others INVALID_CONFIG. */
bool dub_process_request_read(struct dub_process_request *request, JsonNode *node, struct dub_error *error);
JsonNode *dub_process_request_to_json(const struct dub_process_request *request);
void dub_process_request_clear(struct dub_process_request *request);

/* The body of a 200: success or partial. Reading is dub_fragment_processed_read. */
JsonNode *dub_process_answer_to_json(const struct dub_fragment_processed *processed);
/* The body of a 4xx or 5xx; fragment_id may be NULL when it is not known. */
JsonNode *dub_process_error_to_json(const char *fragment_id, const struct dub_error *error);
/* The HTTP status that goes with an error code: 400, 401, 404, 413, 422, 429, 500, 503, 504. */
unsigned dub_process_error_status(enum dub_error_code code);
