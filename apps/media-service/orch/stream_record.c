/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream_record.h"

#include "../egress/dest_url.h"
#include "stream_egress.h"

#include <dubbing_clock.h>
#include <dubbing_json.h>
#include <string.h>

static void set_if_any(JsonObject *record, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_string_member(record, name, text);
}

void stream_record_save(const struct stream *stream, const struct state_dir *dir)
{
    JsonObject *record = json_object_new();
    json_object_set_string_member(record, "runId", stream->run_id);
    json_object_set_string_member(record, "inputUrl", stream->input_url);
    json_object_set_string_member(record, "outputUrl", stream->output_url);
    json_object_set_string_member(record, "sourceId", stream->source_id);
    json_object_set_boolean_member(record, "byOperator", stream->fsm.by_operator);
    json_object_set_int_member(record, "startedMs", stream->started_ms);
    json_object_set_int_member(record, "seqBase", stream->seq_base);
    json_object_set_int_member(record, "restarts", stream->restarts);
    json_object_set_object_member(record, "settings", stream_settings_to_json(&stream->settings));
    set_if_any(record, "egressDestUrl", stream->egress.dest_url);
    set_if_any(record, "egressServedUrl", stream->egress.served_url);
    state_dir_save_stream(dir, stream->id, record);
}

static bool run_id_is_valid(const char *run_id)
{
    return *run_id != '\0' && *run_id != '.' && strchr(run_id, '/') == NULL;
}

/* False when the record cannot be used; the stream may be half filled then. */
static bool read_record(struct stream *stream, JsonObject *record, bool *by_operator)
{
    bool failed;
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), record);
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, &error);
    struct dub_json_reader settings = dub_json_read_object(&reader, "settings", "settings.", false);
    stream_replace_text(&stream->run_id, dub_json_read_string(&reader, "runId", 0));
    stream_replace_text(&stream->input_url, dub_json_read_string(&reader, "inputUrl", 0));
    stream_replace_text(&stream->output_url, dub_json_read_string(&reader, "outputUrl", 0));
    stream_replace_text(&stream->source_id, dub_json_read_string_or(&reader, "sourceId", 0, ""));
    *by_operator = dub_json_read_bool_or(&reader, "byOperator", false);
    stream->started_ms = dub_json_read_int_or(&reader, "startedMs", 0, INT64_MAX, 0);
    stream->seq_base = dub_json_read_int_or(&reader, "seqBase", 0, INT64_MAX / 2, 0);
    stream->restarts = (unsigned)dub_json_read_int_or(&reader, "restarts", 0, G_MAXINT, 0);
    const char *dest_url = dub_json_read_string_or(&reader, "egressDestUrl", 0, NULL);
    const char *served_url = dub_json_read_string_or(&reader, "egressServedUrl", 0, NULL);
    if (!failed && run_id_is_valid(stream->run_id) &&
        (dest_url == NULL || egress_dest_check(dest_url, &error)) &&
        (settings.object == NULL || stream_settings_read_json(&stream->settings, settings.object, &error))) {
        stream_egress_restore(stream, dest_url, served_url);
        return true;
    }
    struct dub_log_context context = {.stream_id = stream->id};
    dub_log(DUB_LOG_WARN, &context, "the record of the running stream is ignored: %s", error.message);
    return false;
}

bool stream_record_load(struct stream *stream, const struct state_dir *dir, bool *by_operator)
{
    g_autoptr(JsonObject) record = state_dir_load_stream(dir, stream->id);
    return record != NULL && read_record(stream, record, by_operator);
}

void stream_record_keep_stop(struct stream *stream, const struct state_dir *dir, bool is_closing)
{
    bool held = stream->fsm.held;
    if (held == stream->stop_is_kept || (held && is_closing))
        return;
    stream->stop_is_kept = held;
    if (!held) {
        state_dir_remove_stop(dir, stream->id);
        return;
    }
    char stopped[32];
    JsonObject *record = json_object_new();
    dub_wall_time_format(dub_wall_time_ms(), stopped);
    json_object_set_string_member(record, "stoppedAt", stopped);
    json_object_set_string_member(record, "sourceId", stream->source_id);
    state_dir_save_stop(dir, stream->id, record);
}

static bool read_stop(struct stream *stream, JsonObject *record)
{
    bool failed;
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), record);
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, &error);
    const char *source_id = dub_json_read_string(&reader, "sourceId", 0);
    if (!failed) {
        stream_replace_text(&stream->source_id, source_id);
        return true;
    }
    struct dub_log_context context = {.stream_id = stream->id};
    dub_log(DUB_LOG_WARN, &context, "the record of the stopped stream is ignored: %s", error.message);
    return false;
}

void stream_record_restore_stop(struct stream *stream, const struct state_dir *dir)
{
    g_autoptr(JsonObject) record = state_dir_load_stop(dir, stream->id);
    if (record == NULL || !read_stop(stream, record)) {
        state_dir_remove_stop(dir, stream->id);
        return;
    }
    struct dub_log_context context = {.stream_id = stream->id};
    stream_fsm_hold(&stream->fsm);
    stream->stop_is_kept = true;
    dub_log(DUB_LOG_INFO, &context, "stays stopped until its publisher is gone: an operator has stopped it");
}
