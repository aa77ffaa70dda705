/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The events from sts-service to media-worker. */
#include "fields.h"

bool dub_stream_ready_read(struct dub_stream_ready *ready, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, error);

    *ready = (struct dub_stream_ready){.stream_id = contract_read_id(&reader, "stream_id")};
    ready->session_id = contract_read_string(&reader, "session_id", DUB_NAME_BYTES_MAX);
    ready->max_inflight = (int)dub_json_read_int_or(&reader, "max_inflight", DUB_MAX_INFLIGHT_MIN,
                                                    DUB_MAX_INFLIGHT_MAX, DUB_MAX_INFLIGHT_DEFAULT);
    struct dub_json_reader capabilities =
        dub_json_read_object(&reader, "capabilities", "capabilities.", false);
    ready->batch_processing = dub_json_read_bool_or(&capabilities, "batch_processing", false);
    ready->async_delivery = dub_json_read_bool_or(&capabilities, "async_delivery", false);
    return !failed;
}

JsonNode *dub_stream_ready_to_json(const struct dub_stream_ready *ready)
{
    JsonObject *capabilities = json_object_new();
    json_object_set_boolean_member(capabilities, "batch_processing", ready->batch_processing);
    json_object_set_boolean_member(capabilities, "async_delivery", ready->async_delivery);

    JsonObject *object = json_object_new();
    contract_set_string(object, "stream_id", ready->stream_id);
    contract_set_string(object, "session_id", ready->session_id);
    json_object_set_int_member(object, "max_inflight", ready->max_inflight);
    json_object_set_object_member(object, "capabilities", capabilities);
    return contract_node_take(object);
}

void dub_stream_ready_clear(struct dub_stream_ready *ready)
{
    g_free(ready->stream_id);
    g_free(ready->session_id);
    *ready = (struct dub_stream_ready){0};
}

static void read_timings(struct dub_json_reader *parent, struct dub_stage_timings *timings)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "stage_timings", "stage_timings.", false);
    timings->asr_ms = contract_read_rounded_or(&reader, "asr_ms", CONTRACT_TIME_MS_MAX, 0);
    timings->translation_ms = contract_read_rounded_or(&reader, "translation_ms", CONTRACT_TIME_MS_MAX, 0);
    timings->tts_ms = contract_read_rounded_or(&reader, "tts_ms", CONTRACT_TIME_MS_MAX, 0);
}

static void read_processing_metadata(struct dub_json_reader *parent, struct dub_processing_metadata *metadata)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "metadata", "metadata.", false);
    metadata->original_duration_ms =
        contract_read_rounded_or(&reader, "original_duration_ms", CONTRACT_TIME_MS_MAX, 0);
    metadata->dubbed_duration_ms =
        contract_read_rounded_or(&reader, "dubbed_duration_ms", CONTRACT_TIME_MS_MAX, 0);
    metadata->duration_variance_percent =
        contract_read_double_or(&reader, "duration_variance_percent", -1e6, 1e6, 0);
    metadata->speed_ratio = contract_read_double_or(&reader, "speed_ratio", 0, 1e3, 0);
    metadata->asr_model = contract_read_string_or_null(&reader, "asr_model", DUB_NAME_BYTES_MAX);
    metadata->translation_model =
        contract_read_string_or_null(&reader, "translation_model", DUB_NAME_BYTES_MAX);
    metadata->tts_model = contract_read_string_or_null(&reader, "tts_model", DUB_NAME_BYTES_MAX);
}

static void read_processed_error(struct dub_json_reader *parent, struct dub_fragment_processed *processed)
{
    bool required = processed->status == DUB_FRAGMENT_FAILED;
    struct dub_json_reader reader = dub_json_read_object(parent, "error", "error.", required);
    if (reader.object)
        contract_read_error(&reader, &processed->error);
}

bool dub_fragment_processed_read(struct dub_fragment_processed *processed, JsonNode *node,
                                 struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, error);

    *processed = (struct dub_fragment_processed){.fragment_id = contract_read_uuid(&reader, "fragment_id")};
    processed->stream_id = contract_read_id(&reader, "stream_id");
    processed->sequence_number = dub_json_read_int(&reader, "sequence_number", 0, DUB_SEQUENCE_MAX);
    processed->status =
        (enum dub_fragment_status)contract_read_choice(&reader, "status", &contract_dub_fragment_status, -1);
    contract_read_audio(&reader, "dubbed_audio", processed->status != DUB_FRAGMENT_FAILED,
                        &processed->dubbed_audio);
    processed->transcript = contract_read_string_or_null(&reader, "transcript", DUB_TEXT_BYTES_MAX);
    processed->translated_text = contract_read_string_or_null(&reader, "translated_text", DUB_TEXT_BYTES_MAX);
    processed->processing_time_ms =
        contract_read_rounded_or(&reader, "processing_time_ms", CONTRACT_TIME_MS_MAX, 0);
    read_timings(&reader, &processed->stage_timings);
    read_processed_error(&reader, processed);
    read_processing_metadata(&reader, &processed->metadata);
    return !failed;
}

static JsonObject *timings_to_object(const struct dub_stage_timings *timings)
{
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "asr_ms", timings->asr_ms);
    json_object_set_int_member(object, "translation_ms", timings->translation_ms);
    json_object_set_int_member(object, "tts_ms", timings->tts_ms);
    return object;
}

static JsonObject *processing_metadata_to_object(const struct dub_processing_metadata *metadata)
{
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "original_duration_ms", metadata->original_duration_ms);
    json_object_set_int_member(object, "dubbed_duration_ms", metadata->dubbed_duration_ms);
    json_object_set_double_member(object, "duration_variance_percent", metadata->duration_variance_percent);
    if (metadata->speed_ratio > 0)
        json_object_set_double_member(object, "speed_ratio", metadata->speed_ratio);
    contract_set_string(object, "asr_model", metadata->asr_model);
    contract_set_string(object, "translation_model", metadata->translation_model);
    contract_set_string(object, "tts_model", metadata->tts_model);
    return object;
}

JsonNode *dub_fragment_processed_to_json(const struct dub_fragment_processed *processed)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "fragment_id", processed->fragment_id);
    contract_set_string(object, "stream_id", processed->stream_id);
    json_object_set_int_member(object, "sequence_number", processed->sequence_number);
    json_object_set_string_member(object, "status", dub_fragment_status_name(processed->status));
    if (processed->dubbed_audio.data)
        json_object_set_object_member(object, "dubbed_audio",
                                      contract_audio_to_object(&processed->dubbed_audio));
    contract_set_string(object, "transcript", processed->transcript);
    contract_set_string(object, "translated_text", processed->translated_text);
    json_object_set_int_member(object, "processing_time_ms", processed->processing_time_ms);
    json_object_set_object_member(object, "stage_timings", timings_to_object(&processed->stage_timings));
    if (processed->error.code != DUB_ERROR_NONE)
        json_object_set_object_member(object, "error", contract_error_to_object(&processed->error));
    json_object_set_object_member(object, "metadata", processing_metadata_to_object(&processed->metadata));
    return contract_node_take(object);
}

void dub_fragment_processed_clear(struct dub_fragment_processed *processed)
{
    g_free(processed->fragment_id);
    g_free(processed->stream_id);
    dub_audio_clear(&processed->dubbed_audio);
    g_free(processed->transcript);
    g_free(processed->translated_text);
    g_free(processed->metadata.asr_model);
    g_free(processed->metadata.translation_model);
    g_free(processed->metadata.tts_model);
    *processed = (struct dub_fragment_processed){0};
}

bool dub_backpressure_read(struct dub_backpressure *pressure, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, error);

    *pressure = (struct dub_backpressure){.stream_id = contract_read_id(&reader, "stream_id")};
    pressure->severity = (enum dub_pressure_severity)contract_read_choice(
        &reader, "severity", &contract_dub_pressure_severity, -1);
    pressure->action =
        (enum dub_pressure_action)contract_read_choice(&reader, "action", &contract_dub_pressure_action, -1);
    pressure->current_inflight = (int)dub_json_read_int_or(&reader, "current_inflight", 0, G_MAXINT32, 0);
    pressure->max_inflight = (int)dub_json_read_int_or(&reader, "max_inflight", 0, G_MAXINT32, 0);
    pressure->queue_depth = (int)dub_json_read_int_or(&reader, "queue_depth", 0, G_MAXINT32, 0);
    pressure->threshold_exceeded =
        contract_read_string_or_null(&reader, "threshold_exceeded", DUB_NAME_BYTES_MAX);
    pressure->recommended_delay_ms =
        (int)contract_read_rounded_or(&reader, "recommended_delay_ms", G_MAXINT32, 0);
    return !failed;
}

JsonNode *dub_backpressure_to_json(const struct dub_backpressure *pressure)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "stream_id", pressure->stream_id);
    json_object_set_string_member(object, "severity", dub_pressure_severity_name(pressure->severity));
    json_object_set_string_member(object, "action", dub_pressure_action_name(pressure->action));
    json_object_set_int_member(object, "current_inflight", pressure->current_inflight);
    json_object_set_int_member(object, "max_inflight", pressure->max_inflight);
    json_object_set_int_member(object, "queue_depth", pressure->queue_depth);
    contract_set_string(object, "threshold_exceeded", pressure->threshold_exceeded);
    json_object_set_int_member(object, "recommended_delay_ms", pressure->recommended_delay_ms);
    return contract_node_take(object);
}

void dub_backpressure_clear(struct dub_backpressure *pressure)
{
    g_free(pressure->stream_id);
    g_free(pressure->threshold_exceeded);
    *pressure = (struct dub_backpressure){0};
}

static void read_breakdown(struct dub_json_reader *parent, struct dub_stream_complete *complete)
{
    struct dub_json_reader reader =
        dub_json_read_object(parent, "error_breakdown", "error_breakdown.", false);
    struct dub_json_reader by_stage =
        dub_json_read_object(&reader, "by_stage", "error_breakdown.by_stage.", false);
    struct dub_json_reader by_code =
        dub_json_read_object(&reader, "by_code", "error_breakdown.by_code.", false);

    for (unsigned i = DUB_STAGE_NONE + 1; i < DUB_STAGE_COUNT; i++)
        complete->errors_by_stage[i] =
            dub_json_read_int_or(&by_stage, dub_stage_name((enum dub_stage)i), 0, CONTRACT_COUNT_MAX, 0);
    for (unsigned i = DUB_ERROR_NONE + 1; i < DUB_ERROR_CODE_COUNT; i++)
        complete->errors_by_code[i] = dub_json_read_int_or(
            &by_code, dub_error_code_name((enum dub_error_code)i), 0, CONTRACT_COUNT_MAX, 0);
}

bool dub_stream_complete_read(struct dub_stream_complete *complete, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, error);

    *complete = (struct dub_stream_complete){.stream_id = contract_read_id(&reader, "stream_id")};
    complete->total_fragments = dub_json_read_int_or(&reader, "total_fragments", 0, CONTRACT_COUNT_MAX, 0);
    complete->total_duration_ms =
        contract_read_rounded_or(&reader, "total_duration_ms", CONTRACT_COUNT_MAX, 0);
    complete->success_count = dub_json_read_int_or(&reader, "success_count", 0, CONTRACT_COUNT_MAX, 0);
    complete->partial_count = dub_json_read_int_or(&reader, "partial_count", 0, CONTRACT_COUNT_MAX, 0);
    complete->failed_count = dub_json_read_int_or(&reader, "failed_count", 0, CONTRACT_COUNT_MAX, 0);
    complete->avg_processing_time_ms = contract_read_double_or(&reader, "avg_processing_time_ms", 0, 1e12, 0);
    complete->p95_processing_time_ms = contract_read_double_or(&reader, "p95_processing_time_ms", 0, 1e12, 0);
    read_breakdown(&reader, complete);
    return !failed;
}

static JsonObject *by_stage_to_object(const struct dub_stream_complete *complete)
{
    JsonObject *by_stage = json_object_new();
    for (unsigned i = DUB_STAGE_NONE + 1; i < DUB_STAGE_COUNT; i++) {
        if (complete->errors_by_stage[i] > 0)
            json_object_set_int_member(by_stage, dub_stage_name((enum dub_stage)i),
                                       complete->errors_by_stage[i]);
    }
    return by_stage;
}

/* As each fragment's error named them. */
static JsonObject *by_code_to_object(const struct dub_stream_complete *complete)
{
    int64_t told[DUB_ERROR_CODE_COUNT] = {0};
    JsonObject *by_code = json_object_new();
    for (unsigned i = DUB_ERROR_NONE + 1; i < DUB_ERROR_CODE_COUNT; i++)
        told[dub_wire_error_code((enum dub_error_code)i)] += complete->errors_by_code[i];
    for (unsigned i = DUB_ERROR_NONE + 1; i < DUB_ERROR_CODE_COUNT; i++) {
        if (told[i] > 0)
            json_object_set_int_member(by_code, dub_error_code_name((enum dub_error_code)i), told[i]);
    }
    return by_code;
}

static JsonObject *breakdown_to_object(const struct dub_stream_complete *complete)
{
    JsonObject *object = json_object_new();
    json_object_set_object_member(object, "by_stage", by_stage_to_object(complete));
    json_object_set_object_member(object, "by_code", by_code_to_object(complete));
    return object;
}

static void write_statistics(JsonObject *object, const struct dub_stream_complete *complete)
{
    json_object_set_int_member(object, "total_fragments", complete->total_fragments);
    json_object_set_int_member(object, "total_duration_ms", complete->total_duration_ms);
    json_object_set_int_member(object, "success_count", complete->success_count);
    json_object_set_int_member(object, "partial_count", complete->partial_count);
    json_object_set_int_member(object, "failed_count", complete->failed_count);
    json_object_set_double_member(object, "avg_processing_time_ms", complete->avg_processing_time_ms);
    json_object_set_double_member(object, "p95_processing_time_ms", complete->p95_processing_time_ms);
    json_object_set_object_member(object, "error_breakdown", breakdown_to_object(complete));
}

JsonNode *dub_stream_complete_to_json(const struct dub_stream_complete *complete)
{
    JsonObject *statistics = json_object_new();
    write_statistics(statistics, complete);

    JsonObject *object = json_object_new();
    contract_set_string(object, "stream_id", complete->stream_id);
    write_statistics(object, complete);
    json_object_set_object_member(object, "statistics", statistics);
    return contract_node_take(object);
}

void dub_stream_complete_clear(struct dub_stream_complete *complete)
{
    g_free(complete->stream_id);
    *complete = (struct dub_stream_complete){0};
}

bool dub_error_event_read(struct dub_error_event *event, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_PROTOCOL, &failed, error);

    *event = (struct dub_error_event){
        .error_id = contract_read_string_or_null(&reader, "error_id", DUB_NAME_BYTES_MAX),
    };
    event->stream_id = contract_read_string_or_null(&reader, "stream_id", DUB_NAME_BYTES_MAX);
    event->fragment_id = contract_read_string_or_null(&reader, "fragment_id", DUB_NAME_BYTES_MAX);
    event->severity = (enum dub_error_severity)contract_read_choice(
        &reader, "severity", &contract_dub_error_severity, DUB_SEVERITY_ERROR);
    contract_read_error(&reader, &event->error);
    return !failed;
}

JsonNode *dub_error_event_to_json(const struct dub_error_event *event)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "error_id", event->error_id);
    contract_set_string(object, "stream_id", event->stream_id);
    contract_set_string(object, "fragment_id", event->fragment_id);
    json_object_set_string_member(object, "code",
                                  dub_error_code_name(dub_wire_error_code(event->error.code)));
    json_object_set_string_member(object, "message", event->error.message);
    json_object_set_string_member(object, "severity", dub_error_severity_name(event->severity));
    json_object_set_boolean_member(object, "retryable", event->error.retryable);
    json_object_set_object_member(object, "metadata", json_object_new());
    return contract_node_take(object);
}

void dub_error_event_clear(struct dub_error_event *event)
{
    g_free(event->error_id);
    g_free(event->stream_id);
    g_free(event->fragment_id);
    *event = (struct dub_error_event){0};
}
