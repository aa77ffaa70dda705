/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The events from media-worker to sts-service, and fragment:ack, which goes both ways. */
#include "fields.h"

#include <string.h>

void dub_stream_init_init(struct dub_stream_init *init)
{
    *init = (struct dub_stream_init){
        .config = {.chunk_duration_ms = DUB_CHUNK_DURATION_MS_DEFAULT,
                   .sample_rate_hz = DUB_SAMPLE_RATE_HZ_DEFAULT,
                   .channels = DUB_CHANNELS_MIN,
                   .format = DUB_FORMAT_PCM_S16LE},
        .max_inflight = DUB_MAX_INFLIGHT_DEFAULT,
        .timeout_ms = DUB_TIMEOUT_MS_DEFAULT,
    };
}

static void read_hints(struct dub_json_reader *reader, struct dub_stream_config *config)
{
    static const char name[] = "domain_hints";
    if (*reader->failed || !contract_has(reader, name))
        return;
    JsonNode *node = json_object_get_member(reader->object, name);
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        contract_problem(reader, name, "must be a list of strings");
        return;
    }
    JsonArray *array = json_node_get_array(node);
    unsigned n = json_array_get_length(array);
    if (n > DUB_DOMAIN_HINTS_MAX) {
        contract_problem(reader, name, "has %u entries, at most %d are allowed", n, DUB_DOMAIN_HINTS_MAX);
        return;
    }
    g_autoptr(GStrvBuilder) hints = g_strv_builder_new();
    for (unsigned i = 0; i < n; i++) {
        JsonNode *item = json_array_get_element(array, i);
        const char *hint =
            json_node_get_value_type(item) == G_TYPE_STRING ? json_node_get_string(item) : NULL;
        if (!hint || strlen(hint) > DUB_DOMAIN_HINT_BYTES_MAX || !g_utf8_validate(hint, -1, NULL)) {
            contract_problem(reader, name, "entry %u must be a string of at most %d bytes", i,
                             DUB_DOMAIN_HINT_BYTES_MAX);
            return;
        }
        g_strv_builder_add(hints, hint);
    }
    config->domain_hints = g_strv_builder_end(hints);
}

static void read_stream_config(struct dub_json_reader *parent, struct dub_stream_config *config)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "config", "config.", true);

    config->source_language = contract_read_language(&reader, "source_language");
    config->target_language = contract_read_language(&reader, "target_language");
    config->voice_profile =
        contract_read_string_or_null(&reader, "voice_profile", DUB_VOICE_PROFILE_BYTES_MAX);
    if (!config->voice_profile)
        config->voice_profile = g_strdup("default");
    config->chunk_duration_ms =
        (int)dub_json_read_int_or(&reader, "chunk_duration_ms", DUB_CHUNK_DURATION_MS_MIN,
                                  DUB_CHUNK_DURATION_MS_MAX, DUB_CHUNK_DURATION_MS_DEFAULT);
    config->sample_rate_hz = (int)dub_json_read_int_or(&reader, "sample_rate_hz", DUB_SAMPLE_RATE_HZ_MIN,
                                                       DUB_SAMPLE_RATE_HZ_MAX, DUB_SAMPLE_RATE_HZ_DEFAULT);
    config->channels =
        (int)dub_json_read_int_or(&reader, "channels", DUB_CHANNELS_MIN, DUB_CHANNELS_MAX, DUB_CHANNELS_MIN);
    config->format = (enum dub_audio_format)contract_read_choice(
        &reader, "format", &contract_dub_audio_format, DUB_FORMAT_PCM_S16LE);
    read_hints(&reader, config);
    contract_read_glossary(&reader, &config->glossary);
}

bool dub_stream_init_read(struct dub_stream_init *init, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    dub_stream_init_init(init);
    init->stream_id = contract_read_id(&reader, "stream_id");
    init->worker_id = contract_read_id(&reader, "worker_id");
    read_stream_config(&reader, &init->config);
    init->max_inflight = (int)dub_json_read_int_or(&reader, "max_inflight", DUB_MAX_INFLIGHT_MIN,
                                                   DUB_MAX_INFLIGHT_MAX, DUB_MAX_INFLIGHT_DEFAULT);
    init->timeout_ms = (int)dub_json_read_int_or(&reader, "timeout_ms", DUB_TIMEOUT_MS_MIN,
                                                 DUB_TIMEOUT_MS_MAX, DUB_TIMEOUT_MS_DEFAULT);
    return !failed;
}

static JsonObject *stream_config_to_object(const struct dub_stream_config *config)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "source_language", config->source_language);
    contract_set_string(object, "target_language", config->target_language);
    contract_set_string(object, "voice_profile", config->voice_profile);
    json_object_set_int_member(object, "chunk_duration_ms", config->chunk_duration_ms);
    json_object_set_int_member(object, "sample_rate_hz", config->sample_rate_hz);
    json_object_set_int_member(object, "channels", config->channels);
    json_object_set_string_member(object, "format", dub_audio_format_name(config->format));
    if (config->domain_hints) {
        JsonArray *hints = json_array_new();
        for (char **hint = config->domain_hints; *hint; hint++)
            json_array_add_string_element(hints, *hint);
        json_object_set_array_member(object, "domain_hints", hints);
    }
    if (config->glossary.keep || config->glossary.replace)
        json_object_set_object_member(object, "glossary", contract_glossary_to_object(&config->glossary));
    return object;
}

JsonNode *dub_stream_init_to_json(const struct dub_stream_init *init)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "stream_id", init->stream_id);
    contract_set_string(object, "worker_id", init->worker_id);
    json_object_set_object_member(object, "config", stream_config_to_object(&init->config));
    json_object_set_int_member(object, "max_inflight", init->max_inflight);
    json_object_set_int_member(object, "timeout_ms", init->timeout_ms);
    return contract_node_take(object);
}

void dub_stream_init_clear(struct dub_stream_init *init)
{
    g_free(init->stream_id);
    g_free(init->worker_id);
    g_free(init->config.source_language);
    g_free(init->config.target_language);
    g_free(init->config.voice_profile);
    g_strfreev(init->config.domain_hints);
    dub_glossary_clear(&init->config.glossary);
    *init = (struct dub_stream_init){0};
}

void dub_fragment_data_init(struct dub_fragment_data *fragment)
{
    *fragment = (struct dub_fragment_data){.metadata = {.pts_ns = -1, .source_pts_ns = -1}};
}

static void read_fragment_metadata(struct dub_json_reader *parent, struct dub_fragment_metadata *metadata)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "metadata", "metadata.", false);

    metadata->pts_ns = dub_json_read_int_or(&reader, "pts_ns", 0, G_MAXINT64, -1);
    metadata->source_pts_ns = dub_json_read_int_or(&reader, "source_pts_ns", 0, G_MAXINT64, -1);
    metadata->max_duration_ms =
        contract_read_rounded_or(&reader, "max_duration_ms", DUB_FRAGMENT_DURATION_MS_MAX, 0);
}

static void read_address(struct dub_json_reader *reader, struct dub_fragment_data *fragment)
{
    dub_fragment_data_init(fragment);
    fragment->fragment_id = contract_read_uuid(reader, "fragment_id");
    fragment->stream_id = contract_read_id(reader, "stream_id");
    fragment->sequence_number = dub_json_read_int(reader, "sequence_number", 0, DUB_SEQUENCE_MAX);
    fragment->addressed = !*reader->failed;
}

void contract_read_fragment(struct dub_json_reader *reader, bool timed, struct dub_fragment_data *fragment)
{
    read_address(reader, fragment);
    fragment->timestamp_ms = timed ? contract_read_rounded(reader, "timestamp", DUB_UNIX_MS_MAX)
                                   : contract_read_rounded_or(reader, "timestamp", DUB_UNIX_MS_MAX, 0);
    read_fragment_metadata(reader, &fragment->metadata);
    contract_read_audio(reader, "audio", true, &fragment->audio);
}

bool dub_fragment_address_read(struct dub_fragment_data *fragment, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    read_address(&reader, fragment);
    return !failed;
}

bool dub_fragment_data_read(struct dub_fragment_data *fragment, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    contract_read_fragment(&reader, true, fragment);
    return !failed;
}

static void set_if_known(JsonObject *object, const char *name, int64_t value, int64_t unknown)
{
    if (value != unknown)
        json_object_set_int_member(object, name, value);
}

static JsonObject *metadata_to_object(const struct dub_fragment_metadata *metadata)
{
    JsonObject *object = json_object_new();
    set_if_known(object, "pts_ns", metadata->pts_ns, -1);
    set_if_known(object, "source_pts_ns", metadata->source_pts_ns, -1);
    set_if_known(object, "max_duration_ms", metadata->max_duration_ms, 0);
    return object;
}

JsonNode *dub_fragment_data_to_json(const struct dub_fragment_data *fragment)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "fragment_id", fragment->fragment_id);
    contract_set_string(object, "stream_id", fragment->stream_id);
    json_object_set_int_member(object, "sequence_number", fragment->sequence_number);
    json_object_set_int_member(object, "timestamp", fragment->timestamp_ms);
    json_object_set_object_member(object, "audio", contract_audio_to_object(&fragment->audio));
    json_object_set_object_member(object, "metadata", metadata_to_object(&fragment->metadata));
    return contract_node_take(object);
}

void dub_fragment_data_clear(struct dub_fragment_data *fragment)
{
    g_free(fragment->fragment_id);
    g_free(fragment->stream_id);
    dub_audio_clear(&fragment->audio);
    *fragment = (struct dub_fragment_data){0};
}

bool dub_stream_control_read(struct dub_stream_control *control, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    *control = (struct dub_stream_control){
        .stream_id = contract_read_id(&reader, "stream_id"),
    };
    control->reason = contract_read_string_or_null(&reader, "reason", DUB_NAME_BYTES_MAX);
    return !failed;
}

JsonNode *dub_stream_control_to_json(const struct dub_stream_control *control)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "stream_id", control->stream_id);
    contract_set_string(object, "reason", control->reason);
    return contract_node_take(object);
}

void dub_stream_control_clear(struct dub_stream_control *control)
{
    g_free(control->stream_id);
    g_free(control->reason);
    *control = (struct dub_stream_control){0};
}

static bool read_ack(struct dub_fragment_ack *ack, JsonNode *node, const struct contract_names *statuses,
                     struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    *ack = (struct dub_fragment_ack){.fragment_id = contract_read_uuid(&reader, "fragment_id")};
    ack->status = (enum dub_ack_status)contract_read_choice(&reader, "status", statuses, -1);
    ack->timestamp_ms = contract_read_rounded(&reader, "timestamp", DUB_UNIX_MS_MAX);
    ack->queue_position = (int)dub_json_read_int_or(&reader, "queue_position", 0, G_MAXINT32, -1);
    ack->estimated_completion_ms =
        contract_read_rounded_or(&reader, "estimated_completion_ms", DUB_UNIX_MS_MAX, -1);
    return !failed;
}

bool dub_fragment_ack_read(struct dub_fragment_ack *ack, JsonNode *node, struct dub_error *error)
{
    return read_ack(ack, node, &contract_dub_ack_status, error);
}

bool dub_worker_ack_read(struct dub_fragment_ack *ack, JsonNode *node, struct dub_error *error)
{
    const struct contract_names of_workers = {contract_dub_ack_status.names, DUB_ACK_APPLIED + 1};
    return read_ack(ack, node, &of_workers, error);
}

JsonNode *dub_fragment_ack_to_json(const struct dub_fragment_ack *ack)
{
    JsonObject *object = json_object_new();
    contract_set_string(object, "fragment_id", ack->fragment_id);
    json_object_set_string_member(object, "status", dub_ack_status_name(ack->status));
    json_object_set_int_member(object, "timestamp", ack->timestamp_ms);
    set_if_known(object, "queue_position", ack->queue_position, -1);
    set_if_known(object, "estimated_completion_ms", ack->estimated_completion_ms, -1);
    return contract_node_take(object);
}

void dub_fragment_ack_clear(struct dub_fragment_ack *ack)
{
    g_free(ack->fragment_id);
    *ack = (struct dub_fragment_ack){0};
}
