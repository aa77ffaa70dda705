/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include <dubbing_clock.h>

static struct dub_audio share_audio(const struct dub_audio *audio)
{
    struct dub_audio shared = *audio;
    shared.data = audio->data ? g_bytes_ref(audio->data) : NULL;
    return shared;
}

static void copy_fragment(struct dub_fragment_data *to, const struct dub_fragment_data *from)
{
    *to = *from;
    to->fragment_id = g_strdup(from->fragment_id);
    to->stream_id = g_strdup(from->stream_id);
    to->audio = share_audio(&from->audio);
}

static void copy_text(struct job_text *to, const struct job_text *from)
{
    to->transcript = g_strdup(from->transcript);
    to->language = g_strdup(from->language);
    to->prepared_source = g_strdup(from->prepared_source);
    to->translation = g_strdup(from->translation);
    to->prepared_translation = g_strdup(from->prepared_translation);
}

/* What the fragment and the text already say is left out. */
static void copy_result(struct dub_fragment_processed *to, const struct dub_fragment_processed *from)
{
    to->status = from->status;
    to->error = from->error;
    to->stage_timings = from->stage_timings;
    to->dubbed_audio = share_audio(&from->dubbed_audio);
    to->metadata = from->metadata;
    to->metadata.asr_model = g_strdup(from->metadata.asr_model);
    to->metadata.translation_model = g_strdup(from->metadata.translation_model);
    to->metadata.tts_model = g_strdup(from->metadata.tts_model);
}

struct lineage_record *lineage_record_new(const struct job *job, int64_t now_ns, int64_t wall_ms)
{
    struct lineage_record *record = g_new0(struct lineage_record, 1);
    record->settings = job_settings_ref(job->settings);
    copy_fragment(&record->fragment, &job->fragment);
    copy_text(&record->text, &job->text);
    copy_result(&record->result, &job->result);
    record->finished_ms = wall_ms;
    record->took_ns = now_ns - job->arrived_ns;
    for (int i = 0; i < JOB_N_STAGES; i++)
        record->waited_ns[i] = job->waited_ns[i];
    return record;
}

void lineage_record_free(struct lineage_record *record)
{
    if (!record)
        return;
    job_settings_unref(record->settings);
    dub_fragment_data_clear(&record->fragment);
    job_text_clear(&record->text);
    dub_fragment_processed_clear(&record->result);
    g_free(record);
}

static int64_t audio_bytes(const struct dub_audio *audio)
{
    return audio->data ? (int64_t)g_bytes_get_size(audio->data) : 0;
}

int64_t lineage_record_bytes(const struct lineage_record *record)
{
    return audio_bytes(&record->fragment.audio) + audio_bytes(&record->result.dubbed_audio);
}

/* Absent for NULL; what came from outside is made valid UTF-8. */
static void set_text(JsonObject *object, const char *name, const char *text)
{
    if (!text)
        return;
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_object_set_string_member(object, name, valid);
}

static void set_time(JsonObject *object, const char *name, int64_t wall_ms)
{
    char text[32];
    dub_wall_time_format(wall_ms, text);
    json_object_set_string_member(object, name, text);
}

static void set_audio(JsonObject *object, const char *name, const struct dub_audio *audio, const char *file)
{
    if (!file)
        return;
    JsonObject *member = json_object_new();
    json_object_set_string_member(member, "file", file);
    json_object_set_string_member(member, "format", dub_audio_format_name(audio->format));
    json_object_set_int_member(member, "sample_rate_hz", audio->sample_rate_hz);
    json_object_set_int_member(member, "channels", audio->channels);
    json_object_set_int_member(member, "duration_ms", audio->duration_ms);
    json_object_set_object_member(object, name, member);
}

static void set_error(JsonObject *object, const struct dub_error *error)
{
    if (error->code == DUB_ERROR_NONE)
        return;
    JsonObject *member = json_object_new();
    json_object_set_string_member(member, "code", dub_error_code_name(dub_wire_error_code(error->code)));
    json_object_set_string_member(member, "stage", dub_stage_name(error->stage));
    set_text(member, "message", error->message);
    json_object_set_boolean_member(member, "retryable", error->retryable);
    json_object_set_object_member(object, "error", member);
}

static void set_stages(JsonObject *object, const struct lineage_record *record,
                       const struct lineage_origin *origin)
{
    const struct dub_processing_metadata *metadata = &record->result.metadata;
    const struct dub_stage_timings *timings = &record->result.stage_timings;
    const struct {
        const char *name, *model;
        int64_t took_ms;
    } stages[JOB_N_STAGES] = {
        [JOB_ASR] = {"asr", metadata->asr_model, timings->asr_ms},
        [JOB_TRANSLATION] = {"translation", metadata->translation_model, timings->translation_ms},
        [JOB_TTS] = {"tts", metadata->tts_model, timings->tts_ms},
    };
    JsonObject *members = json_object_new();
    for (int i = 0; i < JOB_N_STAGES; i++) {
        JsonObject *member = json_object_new();
        set_text(member, "engine", origin->engines[i]);
        set_text(member, "model", stages[i].model);
        json_object_set_int_member(member, "waited_ms", record->waited_ns[i] / DUB_NS_PER_MS);
        json_object_set_int_member(member, "took_ms", stages[i].took_ms);
        json_object_set_object_member(members, stages[i].name, member);
    }
    json_object_set_object_member(object, "stages", members);
}

static void set_addresses(JsonObject *object, const struct lineage_record *record,
                          const struct lineage_origin *origin)
{
    const struct job_settings *settings = record->settings;
    set_text(object, "run_id", origin->run_id);
    set_text(object, "instance_id", origin->instance_id);
    set_text(object, "stream_id", record->fragment.stream_id);
    set_text(object, "session_id", settings->session_id);
    set_text(object, "worker_id", settings->worker_id);
    set_text(object, "fragment_id", record->fragment.fragment_id);
    json_object_set_int_member(object, "sequence_number", record->fragment.sequence_number);
    set_text(object, "source_language",
             record->text.language ? record->text.language : settings->source_language);
    set_text(object, "target_language", settings->target_language);
    set_text(object, "voice_profile", settings->voice_profile);
}

JsonNode *lineage_record_to_json(const struct lineage_record *record, const struct lineage_origin *origin,
                                 const char *fragment_file, const char *dub_file)
{
    const struct dub_fragment_processed *result = &record->result;
    JsonObject *object = json_object_new();
    int64_t took_ms = record->took_ns / DUB_NS_PER_MS;

    json_object_set_int_member(object, "version", 1);
    set_addresses(object, record, origin);
    set_time(object, "received_at", record->finished_ms - took_ms);
    set_time(object, "finished_at", record->finished_ms);
    json_object_set_int_member(object, "processing_time_ms", took_ms);
    json_object_set_string_member(object, "status", dub_fragment_status_name(result->status));
    set_error(object, &result->error);
    set_audio(object, "fragment", &record->fragment.audio, fragment_file);
    set_text(object, "transcript", record->text.transcript);
    set_text(object, "prepared_text", record->text.prepared_source);
    set_text(object, "translation", record->text.translation);
    set_text(object, "prepared_translation", record->text.prepared_translation);
    set_audio(object, "dub", &result->dubbed_audio, dub_file);
    json_object_set_double_member(object, "duration_variance_percent",
                                  result->metadata.duration_variance_percent);
    json_object_set_double_member(object, "speed_ratio", result->metadata.speed_ratio);
    set_stages(object, record, origin);

    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}
