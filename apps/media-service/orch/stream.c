/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream.h"

#include "registry_private.h"
#include "stream_egress.h"

#include <dubbing_ids.h>

struct stream *stream_new(struct registry *registry, const char *id, int64_t grace_ns)
{
    struct stream *stream = g_new0(struct stream, 1);
    stream->registry = registry;
    stream->id = g_strdup(id);
    stream->run_id = g_strdup("");
    stream->input_url = g_strdup("");
    stream->output_url = g_strdup("");
    stream->source_id = g_strdup("");
    stream_fsm_init(&stream->fsm, grace_ns);
    stream_settings_init(&stream->settings);
    ledger_init(&stream->ledger);
    return stream;
}

void stream_free(struct stream *stream)
{
    g_clear_handle_id(&stream->start_failure_source, g_source_remove);
    stream_egress_clear(stream);
    bundle_close(stream->bundle);
    ledger_clear(&stream->ledger);
    stream_settings_clear(&stream->settings);
    dub_worker_status_clear(&stream->status);
    g_free(stream->id);
    g_free(stream->run_id);
    g_free(stream->input_url);
    g_free(stream->output_url);
    g_free(stream->source_id);
    g_free(stream->worker_version);
    g_free(stream->gstreamer_version);
    g_free(stream->last_error);
    g_free(stream->last_exit);
    g_free(stream);
}

struct dub_log_context stream_log_context(const struct stream *stream)
{
    return (struct dub_log_context){.stream_id = stream->id,
                                    .run_id = *stream->run_id != '\0' ? stream->run_id : NULL};
}

void stream_replace_text(char **text, const char *with)
{
    char *copy = g_strdup(with);
    g_free(*text);
    *text = copy;
}

void stream_set_error(struct stream *stream, const char *text)
{
    stream_replace_text(&stream->last_error, text);
}

static void add_phrase_counts(JsonObject *object, const struct ledger *ledger)
{
    JsonObject *counts = json_object_new();
    for (unsigned i = 0; i < DUB_PHRASE_STATE_COUNT; i++)
        json_object_set_int_member(counts, dub_phrase_state_name((enum dub_phrase_state)i),
                                   ledger->counts[i]);
    json_object_set_object_member(object, "phrases", counts);
}

/* Those of the worker's own status whose meaning is the same here. */
static void add_status(JsonObject *object, const struct dub_worker_status *status)
{
    static const char *const members[] = {"sourceLang", "targetLang", "latencyMs", "delayMs", "avSyncDeltaMs",
                                          "dubLagMs",   "lateBlocks", "input",     "output",  "sts",
                                          "fallbacks",  "busErrors",  NULL};
    g_autoptr(JsonNode) node = dub_worker_status_to_json(status);
    JsonObject *source = json_node_get_object(node);
    json_object_set_string_member(object, "workerState", dub_worker_state_name(status->state));
    for (unsigned i = 0; members[i] != NULL; i++)
        if (json_object_has_member(source, members[i]))
            json_object_set_member(object, members[i], json_object_dup_member(source, members[i]));
    json_object_set_string_member(object, "breaker", dub_control_breaker_name(status->sts.breaker));
}

static void add_masked(JsonObject *object, const char *name, const char *url)
{
    g_autofree char *masked = dub_url_mask(url);
    json_object_set_string_member(object, name, masked);
}

JsonObject *stream_to_json(const struct stream *stream, const struct worker_ops *workers, int64_t now_ns)
{
    JsonObject *object = json_object_new();
    bool has_run = stream->bundle != NULL;
    int64_t until_ns = has_run ? now_ns : stream->ended_ns;
    json_object_set_string_member(object, "streamId", stream->id);
    json_object_set_string_member(object, "state", stream_state_name(stream->fsm.state));
    json_object_set_string_member(object, "runId", stream->run_id);
    json_object_set_string_member(object, "startedBy", stream->fsm.by_operator ? "api" : "publisher");
    json_object_set_int_member(object, "uptimeMs", (until_ns - stream->started_ns) / DUB_NS_PER_MS);
    json_object_set_boolean_member(object, "publisherPresent",
                                   stream->fsm.wanted && stream->fsm.grace_deadline_ns == 0);
    json_object_set_boolean_member(object, "stoppedByOperator", stream->fsm.held);
    add_masked(object, "inputUrl", stream->input_url);
    add_masked(object, "outputUrl", stream->output_url);
    json_object_set_int_member(object, "restarts", stream->restarts);
    if (stream->worker != NULL && workers->pid(stream->worker) != 0)
        json_object_set_int_member(object, "workerPid", workers->pid(stream->worker));
    if (stream->last_error != NULL)
        json_object_set_string_member(object, "lastError", stream->last_error);
    json_object_set_object_member(object, "settings", stream_settings_to_json(&stream->settings));
    add_phrase_counts(object, &stream->ledger);
    if (stream->has_status)
        add_status(object, &stream->status);
    JsonObject *egress = stream_egress_to_json(stream);
    if (egress != NULL)
        json_object_set_object_member(object, "egress", egress);
    return object;
}

/* As the worker sees it: what was set for the stream, else what media-service was given for all. */
static void add_setting(JsonObject *object, const char *name, const struct stream *stream,
                        const char *variable, const char *fallback)
{
    const char *inherited = g_getenv(variable);
    const char *value = stream_settings_get(&stream->settings, variable);
    if (value == NULL)
        value = inherited != NULL && *inherited != '\0' ? inherited : fallback;
    json_object_set_string_member(object, name, value);
}

static void add_run_facts(JsonObject *object, const struct stream *stream)
{
    add_setting(object, "sourceLang", stream, "WORKER_SOURCE_LANG", "en");
    add_setting(object, "targetLang", stream, "WORKER_TARGET_LANG", "es");
    add_setting(object, "voice", stream, "WORKER_TTS_VOICE", "default");
    if (stream->has_status)
        json_object_set_int_member(object, "latencyMs", stream->status.latency_ms);
}

/* As far as they are known. */
static JsonObject *versions(const struct stream *stream)
{
    const struct {
        const char *name, *version;
    } all[] = {
        {"mediaService", DUB_VERSION},
        {"mediaWorker", stream->worker_version},
        {"gstreamer", stream->gstreamer_version},
        {"egressForwarder", stream->egress.version},
        {"asr", stream->status.sts.asr_engine},
        {"translation", stream->status.sts.translation_engine},
        {"tts", stream->status.sts.tts_engine},
    };
    JsonObject *object = json_object_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        if (all[i].version != NULL)
            json_object_set_string_member(object, all[i].name, all[i].version);
    return object;
}

JsonObject *stream_to_manifest(const struct stream *stream)
{
    char started[32];
    JsonObject *object = json_object_new();
    bool captures = stream->registry->config.captures_media;
    dub_wall_time_format(stream->started_ms, started);
    json_object_set_string_member(object, "startedAt", started);
    json_object_set_string_member(object, "state", stream_state_name(stream->fsm.state));
    json_object_set_object_member(object, "versions", versions(stream));
    if (dub_log_instance_id() != NULL)
        json_object_set_string_member(object, "instanceId", dub_log_instance_id());
    json_object_set_string_member(object, "captureMode", captures ? "media" : "metadata");
    add_masked(object, "inputUrl", stream->input_url);
    add_masked(object, "outputUrl", stream->output_url);
    add_run_facts(object, stream);
    json_object_set_object_member(object, "settings", stream_settings_to_json(&stream->settings));
    json_object_set_int_member(object, "restarts", stream->restarts);
    if (stream->last_error != NULL)
        json_object_set_string_member(object, "lastError", stream->last_error);
    if (stream->last_exit != NULL)
        json_object_set_string_member(object, "exit", stream->last_exit);
    add_phrase_counts(object, &stream->ledger);
    return object;
}
