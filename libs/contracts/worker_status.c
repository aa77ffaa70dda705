/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The status that a worker sends each second. */
#include "worker_control_private.h"

#define URL_BYTES_MAX 4096
#define ERROR_BYTES_MAX 4096

CONTRACT_DEFINE_NAMES(dub_worker_state, DUB_WORKER_STATES, dub_worker_state)
CONTRACT_DEFINE_NAMES(dub_control_breaker, DUB_BREAKER_NAMES, dub_control_breaker)
CONTRACT_DEFINE_NAMES(dub_control_pressure, DUB_CONTROL_PRESSURES, dub_control_pressure)

static int64_t read_count(struct dub_json_reader *reader, const char *name)
{
    return dub_json_read_int_or(reader, name, 0, CONTRACT_COUNT_MAX, 0);
}

static int64_t read_ms(struct dub_json_reader *reader, const char *name)
{
    return dub_json_read_int_or(reader, name, -CONTRACT_TIME_MS_MAX, CONTRACT_TIME_MS_MAX, 0);
}

static void read_counts(struct dub_json_reader *parent, const char *name, const char *path,
                        struct dub_counts *counts)
{
    struct dub_json_reader reader = dub_json_read_object(parent, name, path, false);
    if (!reader.object)
        return;
    JsonObjectIter iter;
    const char *key;
    json_object_iter_init(&iter, reader.object);
    while (json_object_iter_next(&iter, &key, NULL)) {
        int64_t count = read_count(&reader, key);
        if (!*reader.failed && g_utf8_validate(key, -1, NULL))
            dub_counts_add(counts, key, count);
    }
}

static JsonObject *counts_to_object(const struct dub_counts *counts)
{
    JsonObject *object = json_object_new();
    for (unsigned i = 0; i < counts->n_items; i++)
        json_object_set_int_member(object, counts->items[i].name, counts->items[i].count);
    return object;
}

static void read_input(struct dub_json_reader *parent, struct dub_worker_input *input)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "input", "input.", true);
    input->url = contract_read_text(&reader, "url", URL_BYTES_MAX);
    input->connected = dub_json_read_bool(&reader, "connected");
    input->video_codec = contract_read_string_or_null(&reader, "videoCodec", DUB_NAME_BYTES_MAX);
    input->width = (int)dub_json_read_int_or(&reader, "width", 0, G_MAXUINT16, 0);
    input->height = (int)dub_json_read_int_or(&reader, "height", 0, G_MAXUINT16, 0);
    input->audio_codec = contract_read_string_or_null(&reader, "audioCodec", DUB_NAME_BYTES_MAX);
    input->audio_rate_hz = (int)dub_json_read_int_or(&reader, "audioRateHz", 0, 1000000, 0);
    input->audio_channels = (int)dub_json_read_int_or(&reader, "audioChannels", 0, 255, 0);
    input->bytes = read_count(&reader, "bytes");
    input->reconnects = read_count(&reader, "reconnects");
}

static void read_output(struct dub_json_reader *parent, struct dub_worker_output *output)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "output", "output.", true);
    output->url = contract_read_text(&reader, "url", URL_BYTES_MAX);
    output->connected = dub_json_read_bool(&reader, "connected");
    output->bytes = read_count(&reader, "bytes");
    output->reconnects = read_count(&reader, "reconnects");
    output->last_error = contract_read_string_or_null(&reader, "lastError", ERROR_BYTES_MAX);
}

static void read_rtt(struct dub_json_reader *parent, struct dub_worker_sts *sts)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "rtt", "sts.rtt.", true);
    sts->rtt_sum_ms = contract_read_double_or(&reader, "sumMs", 0, 1e15, 0);
    if (*reader.failed)
        return;
    JsonNode *node = json_object_get_member(reader.object, "counts");
    JsonArray *counts = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (!counts || json_array_get_length(counts) != DUB_CONTROL_RTT_BUCKETS) {
        contract_problem(&reader, "counts", "must be a list of %d numbers", DUB_CONTROL_RTT_BUCKETS);
        return;
    }
    for (unsigned i = 0; i < DUB_CONTROL_RTT_BUCKETS; i++) {
        JsonNode *item = json_array_get_element(counts, i);
        int64_t count = json_node_get_value_type(item) == G_TYPE_INT64 ? json_node_get_int(item) : -1;
        if (count < 0 || count > CONTRACT_COUNT_MAX)
            contract_problem(&reader, "counts", "entry %u must be a count", i);
        sts->rtt_counts[i] = count;
    }
}

static void read_sts(struct dub_json_reader *parent, struct dub_worker_sts *sts)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "sts", "sts.", true);
    sts->mode = contract_read_string(&reader, "mode", DUB_NAME_BYTES_MAX);
    sts->connected = dub_json_read_bool(&reader, "connected");
    sts->reconnects = read_count(&reader, "reconnects");
    sts->breaker =
        (enum dub_control_breaker)contract_read_choice(&reader, "breaker", &contract_dub_control_breaker, -1);
    sts->inflight = (int)dub_json_read_int_or(&reader, "inflight", 0, G_MAXINT32, 0);
    sts->backpressure = (enum dub_control_pressure)contract_read_choice(
        &reader, "backpressure", &contract_dub_control_pressure, DUB_CONTROL_PRESSURE_NONE);
    read_rtt(&reader, sts);
    sts->fragments = read_count(&reader, "fragments");
    sts->asr_engine = contract_read_string_or_null(&reader, "asrEngine", DUB_NAME_BYTES_MAX);
    sts->translation_engine = contract_read_string_or_null(&reader, "translationEngine", DUB_NAME_BYTES_MAX);
    sts->tts_engine = contract_read_string_or_null(&reader, "ttsEngine", DUB_NAME_BYTES_MAX);
}

static void read_phrases(struct dub_json_reader *parent, struct dub_worker_status *status)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "phrases", "phrases.", false);
    for (unsigned i = 0; i < DUB_PHRASE_STATE_COUNT; i++)
        status->phrases[i] = read_count(&reader, dub_phrase_state_name((enum dub_phrase_state)i));
}

bool dub_worker_status_read(struct dub_worker_status *status, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, error);

    *status = (struct dub_worker_status){0};
    worker_message_check_type(&reader, "status");
    status->state =
        (enum dub_worker_state)contract_read_choice(&reader, "state", &contract_dub_worker_state, -1);
    status->uptime_ms = dub_json_read_int(&reader, "uptimeMs", 0, CONTRACT_TIME_MS_MAX);
    status->source_lang = contract_read_text(&reader, "sourceLang", DUB_LANGUAGE_BYTES_MAX);
    status->target_lang = contract_read_text(&reader, "targetLang", DUB_LANGUAGE_BYTES_MAX);
    status->latency_ms = dub_json_read_int(&reader, "latencyMs", 0, CONTRACT_TIME_MS_MAX);
    status->delay_ms = read_ms(&reader, "delayMs");
    status->av_sync_delta_ms = contract_read_double_or(&reader, "avSyncDeltaMs", -1e12, 1e12, 0);
    status->dub_lag_ms = read_ms(&reader, "dubLagMs");
    status->late_blocks = read_count(&reader, "lateBlocks");
    read_input(&reader, &status->input);
    read_output(&reader, &status->output);
    read_sts(&reader, &status->sts);
    read_phrases(&reader, status);
    read_counts(&reader, "fallbacks", "fallbacks.", &status->fallbacks);
    read_counts(&reader, "busErrors", "busErrors.", &status->bus_errors);
    return !failed;
}

static JsonObject *input_to_object(const struct dub_worker_input *input)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "url", input->url ? input->url : "");
    json_object_set_boolean_member(object, "connected", input->connected);
    contract_set_string(object, "videoCodec", input->video_codec);
    json_object_set_int_member(object, "width", input->width);
    json_object_set_int_member(object, "height", input->height);
    contract_set_string(object, "audioCodec", input->audio_codec);
    json_object_set_int_member(object, "audioRateHz", input->audio_rate_hz);
    json_object_set_int_member(object, "audioChannels", input->audio_channels);
    json_object_set_int_member(object, "bytes", input->bytes);
    json_object_set_int_member(object, "reconnects", input->reconnects);
    return object;
}

static JsonObject *output_to_object(const struct dub_worker_output *output)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "url", output->url ? output->url : "");
    json_object_set_boolean_member(object, "connected", output->connected);
    json_object_set_int_member(object, "bytes", output->bytes);
    json_object_set_int_member(object, "reconnects", output->reconnects);
    contract_set_string(object, "lastError", output->last_error);
    return object;
}

static JsonObject *sts_to_object(const struct dub_worker_sts *sts)
{
    JsonArray *counts = json_array_new();
    for (unsigned i = 0; i < DUB_CONTROL_RTT_BUCKETS; i++)
        json_array_add_int_element(counts, sts->rtt_counts[i]);
    JsonObject *rtt = json_object_new();
    json_object_set_array_member(rtt, "counts", counts);
    json_object_set_double_member(rtt, "sumMs", sts->rtt_sum_ms);

    JsonObject *object = json_object_new();
    contract_set_string(object, "mode", sts->mode);
    json_object_set_boolean_member(object, "connected", sts->connected);
    json_object_set_int_member(object, "reconnects", sts->reconnects);
    json_object_set_string_member(object, "breaker", dub_control_breaker_name(sts->breaker));
    json_object_set_int_member(object, "inflight", sts->inflight);
    json_object_set_string_member(object, "backpressure", dub_control_pressure_name(sts->backpressure));
    json_object_set_object_member(object, "rtt", rtt);
    json_object_set_int_member(object, "fragments", sts->fragments);
    contract_set_string(object, "asrEngine", sts->asr_engine);
    contract_set_string(object, "translationEngine", sts->translation_engine);
    contract_set_string(object, "ttsEngine", sts->tts_engine);
    return object;
}

JsonNode *dub_worker_status_to_json(const struct dub_worker_status *status)
{
    JsonObject *phrases = json_object_new();
    for (unsigned i = 0; i < DUB_PHRASE_STATE_COUNT; i++)
        json_object_set_int_member(phrases, dub_phrase_state_name((enum dub_phrase_state)i),
                                   status->phrases[i]);

    JsonObject *object = worker_message_new("status");
    json_object_set_string_member(object, "state", dub_worker_state_name(status->state));
    json_object_set_int_member(object, "uptimeMs", status->uptime_ms);
    contract_set_string(object, "sourceLang", status->source_lang ? status->source_lang : "");
    contract_set_string(object, "targetLang", status->target_lang ? status->target_lang : "");
    json_object_set_int_member(object, "latencyMs", status->latency_ms);
    json_object_set_int_member(object, "delayMs", status->delay_ms);
    json_object_set_double_member(object, "avSyncDeltaMs", status->av_sync_delta_ms);
    json_object_set_int_member(object, "dubLagMs", status->dub_lag_ms);
    json_object_set_int_member(object, "lateBlocks", status->late_blocks);
    json_object_set_object_member(object, "input", input_to_object(&status->input));
    json_object_set_object_member(object, "output", output_to_object(&status->output));
    json_object_set_object_member(object, "sts", sts_to_object(&status->sts));
    json_object_set_object_member(object, "phrases", phrases);
    json_object_set_object_member(object, "fallbacks", counts_to_object(&status->fallbacks));
    json_object_set_object_member(object, "busErrors", counts_to_object(&status->bus_errors));
    return contract_node_take(object);
}

void dub_worker_status_clear(struct dub_worker_status *status)
{
    g_free(status->source_lang);
    g_free(status->target_lang);
    g_free(status->input.url);
    g_free(status->input.video_codec);
    g_free(status->input.audio_codec);
    g_free(status->output.url);
    g_free(status->output.last_error);
    g_free(status->sts.mode);
    g_free(status->sts.asr_engine);
    g_free(status->sts.translation_engine);
    g_free(status->sts.tts_engine);
    dub_counts_clear(&status->fallbacks);
    dub_counts_clear(&status->bus_errors);
    *status = (struct dub_worker_status){0};
}
