/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fields.h"

#include <dubbing_rest.h>

bool dub_process_request_read(struct dub_process_request *request, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    *request = (struct dub_process_request){0};
    contract_read_fragment(&reader, false, &request->fragment);
    struct dub_json_reader config = dub_json_read_object(&reader, "config", "config.", true);
    request->source_language = contract_read_language(&config, "source_language");
    request->target_language = contract_read_language(&config, "target_language");
    request->voice_profile =
        contract_read_string_or_null(&config, "voice_profile", DUB_VOICE_PROFILE_BYTES_MAX);
    if (!request->voice_profile)
        request->voice_profile = g_strdup("default");
    request->timeout_ms = (int)dub_json_read_int_or(&reader, "timeout_ms", DUB_TIMEOUT_MS_MIN,
                                                    DUB_TIMEOUT_MS_MAX, DUB_TIMEOUT_MS_DEFAULT);
    return !failed;
}

JsonNode *dub_process_request_to_json(const struct dub_process_request *request)
{
    JsonObject *config = json_object_new();
    contract_set_string(config, "source_language", request->source_language);
    contract_set_string(config, "target_language", request->target_language);
    contract_set_string(config, "voice_profile", request->voice_profile);

    JsonNode *node = dub_fragment_data_to_json(&request->fragment);
    JsonObject *object = json_node_get_object(node);
    json_object_set_object_member(object, "config", config);
    json_object_set_int_member(object, "timeout_ms", request->timeout_ms);
    return node;
}

void dub_process_request_clear(struct dub_process_request *request)
{
    dub_fragment_data_clear(&request->fragment);
    g_free(request->source_language);
    g_free(request->target_language);
    g_free(request->voice_profile);
    *request = (struct dub_process_request){0};
}

JsonNode *dub_process_answer_to_json(const struct dub_fragment_processed *processed)
{
    return dub_fragment_processed_to_json(processed);
}

JsonNode *dub_process_error_to_json(const char *fragment_id, const struct dub_error *error)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "fragment_id", fragment_id);
    json_object_set_string_member(object, "status", "error");
    json_object_set_object_member(object, "error", contract_error_to_object(error));
    return contract_node_take(object);
}

unsigned dub_process_error_status(enum dub_error_code code)
{
    switch (code) {
    case DUB_ERROR_INVALID_ARGUMENT:
    case DUB_ERROR_INVALID_CONFIG:
    case DUB_ERROR_INVALID_AUDIO_FORMAT:
    case DUB_ERROR_INVALID_SEQUENCE:
    case DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR:
    case DUB_ERROR_PROTOCOL:
        return 400;
    case DUB_ERROR_AUTH_FAILED:
        return 401;
    case DUB_ERROR_NOT_FOUND:
    case DUB_ERROR_STREAM_NOT_FOUND:
        return 404;
    case DUB_ERROR_FRAGMENT_TOO_LARGE:
    case DUB_ERROR_LIMIT:
        return 413;
    case DUB_ERROR_ASR_FAILED:
    case DUB_ERROR_TRANSLATION_FAILED:
    case DUB_ERROR_TTS_SYNTHESIS_FAILED:
    case DUB_ERROR_HALLUCINATION_SUSPECTED:
    case DUB_ERROR_DURATION_MISMATCH_EXCEEDED:
        return 422;
    case DUB_ERROR_RATE_LIMIT:
    case DUB_ERROR_RATE_LIMIT_EXCEEDED:
    case DUB_ERROR_BACKPRESSURE_EXCEEDED:
        return 429;
    case DUB_ERROR_QUEUE_FULL:
    case DUB_ERROR_UNAVAILABLE:
    case DUB_ERROR_MODEL_ERROR:
    case DUB_ERROR_GPU_OOM:
    case DUB_ERROR_TRANSLATION_API_UNAVAILABLE:
        return 503;
    case DUB_ERROR_TIMEOUT:
        return 504;
    default:
        return 500;
    }
}
