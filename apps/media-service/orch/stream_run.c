/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream_run.h"

#include "../supervise/control_client.h"
#include "stream_egress.h"
#include "stream_record.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <string.h>

/* What a JSON number holds exactly. */
#define SEQ_MAX (INT64_C(1) << 53)

static void open_bundle(struct stream *stream)
{
    stream->bundle = bundle_open(stream->registry->config.bundles, stream->id, stream->run_id);
    bundle_write_manifest(stream->bundle, stream_to_manifest(stream));
}

static void reset_run(struct stream *stream)
{
    ledger_clear(&stream->ledger);
    ledger_init(&stream->ledger);
    dub_worker_status_clear(&stream->status);
    stream->status = (struct dub_worker_status){0};
    stream->has_status = false;
    stream->seq_base = 0;
    stream->restarts = 0;
    g_clear_pointer(&stream->worker_version, g_free);
    g_clear_pointer(&stream->gstreamer_version, g_free);
    g_clear_pointer(&stream->egress.version, g_free);
    g_clear_pointer(&stream->last_error, g_free);
    g_clear_pointer(&stream->last_exit, g_free);
}

static void begin_run(struct stream *stream)
{
    reset_run(stream);
    g_free(stream->run_id);
    stream->run_id = dub_run_id_new();
    stream->started_ms = dub_wall_time_ms();
    stream->started_ns = registry_now_ns(stream->registry);
    stream_egress_begin_run(stream);
    open_bundle(stream);
}

static void end_run(struct stream *stream)
{
    char ended[32];
    struct dub_log_context context = stream_log_context(stream);
    JsonObject *manifest = stream_to_manifest(stream);
    dub_wall_time_format(dub_wall_time_ms(), ended);
    json_object_set_string_member(manifest, "endedAt", ended);
    stream->ended_ns = registry_now_ns(stream->registry);
    if (stream->bundle != NULL)
        bundle_end(g_steal_pointer(&stream->bundle), g_steal_pointer(&manifest));
    g_clear_pointer(&manifest, json_object_unref);
    state_dir_remove_stream(stream->registry->config.state_dir, stream->id);
    dub_log(DUB_LOG_INFO, &context, "run ended");
}

static void take_phrase(const struct dub_ledger_line *line, void *user)
{
    struct stream *stream = user;
    struct registry *registry = stream->registry;
    /* A worker that counts in such steps lies; the next one's numbers would have no room. */
    if (line->seq > SEQ_MAX - stream->seq_base)
        return;
    const struct ledger_entry *entry = ledger_add(&stream->ledger, line, stream->seq_base + line->seq);
    if (entry == NULL)
        return;
    if (stream->bundle != NULL) {
        g_autofree char *text = dub_json_to_string(entry->json);
        bundle_append_line(stream->bundle, text);
    }
    if (registry->events.on_phrase != NULL)
        registry->events.on_phrase(stream, entry->json, registry->user);
}

static void mask_url(char **url)
{
    char *masked = dub_url_mask(*url);
    g_free(*url);
    *url = masked;
}

static void move_status(struct dub_worker_status *to, const struct dub_worker_status *from)
{
    g_autoptr(JsonNode) node = dub_worker_status_to_json(from);
    dub_worker_status_clear(to);
    if (!dub_worker_status_read(to, node, NULL)) {
        *to = (struct dub_worker_status){0};
        return;
    }
    /* A worker masks them itself; one of another version, or one that is not ours, may not. */
    mask_url(&to->input.url);
    mask_url(&to->output.url);
}

static void take_status(const struct dub_worker_status *status, void *user)
{
    struct stream *stream = user;
    move_status(&stream->status, status);
    stream->has_status = true;
    if (status->state == DUB_WORKER_RUNNING)
        stream_dispatch(stream, STREAM_EVENT_WORKER_UP);
}

static enum stream_event event_of_end(enum worker_end_kind kind)
{
    static const enum stream_event events[] = {
        [WORKER_END_FAILED] = STREAM_EVENT_WORKER_FAILED,
        [WORKER_END_REFUSED] = STREAM_EVENT_WORKER_REFUSED,
        [WORKER_END_FINISHED] = STREAM_EVENT_WORKER_FINISHED,
    };
    return events[kind];
}

static void take_end(const struct worker_end *end, void *user)
{
    struct stream *stream = user;
    struct dub_log_context context = stream_log_context(stream);
    bool expected = stream->fsm.state == STREAM_STOPPING || end->kind == WORKER_END_FINISHED;
    dub_log(expected ? DUB_LOG_INFO : DUB_LOG_WARN, &context, "%s", end->text);
    if (!expected)
        stream_set_error(stream, end->text);
    stream_replace_text(&stream->last_exit, end->text);
    stream->registry->config.workers->free(g_steal_pointer(&stream->worker));
    stream_dispatch(stream, event_of_end(end->kind));
}

/* The manifest was begun before there was a worker. */
static void take_hello(const struct dub_worker_hello *hello, void *user)
{
    struct stream *stream = user;
    if (g_strcmp0(stream->worker_version, hello->version) == 0 &&
        g_strcmp0(stream->gstreamer_version, hello->gstreamer) == 0)
        return;
    stream_replace_text(&stream->worker_version, hello->version);
    stream_replace_text(&stream->gstreamer_version, hello->gstreamer);
    if (stream->bundle != NULL)
        bundle_write_manifest(stream->bundle, stream_to_manifest(stream));
}

static const struct worker_events worker_events = {
    .on_status = take_status, .on_phrase = take_phrase, .on_hello = take_hello, .on_end = take_end};

static char **make_environment(const struct stream *stream)
{
    const struct registry_config *config = &stream->registry->config;
    GPtrArray *environment = g_ptr_array_new();
    for (unsigned i = 0; config->worker_environment[i] != NULL; i++)
        g_ptr_array_add(environment, g_strdup(config->worker_environment[i]));
    stream_settings_add_environment(&stream->settings, environment);
    g_ptr_array_add(environment, g_strdup_printf("WORKER_STREAM_ID=%s", stream->id));
    g_ptr_array_add(environment, g_strdup_printf("WORKER_INPUT_URL=%s", stream->input_url));
    g_ptr_array_add(environment, g_strdup_printf("WORKER_OUTPUT_URL=%s", stream->output_url));
    g_ptr_array_add(environment, g_strdup_printf("RUN_ID=%s", stream->run_id));
    g_autofree char *audio_folder = bundle_store_audio_folder(config->bundles, stream->run_id);
    g_ptr_array_add(environment,
                    g_strconcat("WORKER_CAPTURE_DIR=", config->captures_media ? audio_folder : "", NULL));
    g_ptr_array_add(environment, g_strdup_printf("ORCH_STATE_DIR=%s", state_dir_path(config->state_dir)));
    g_ptr_array_add(environment, NULL);
    return (char **)g_ptr_array_free(environment, FALSE);
}

static gboolean report_start_failure(void *user)
{
    struct stream *stream = user;
    stream->start_failure_source = 0;
    stream_dispatch(stream, event_of_end(stream->start_failure));
    return G_SOURCE_REMOVE;
}

static struct worker_spec spec_of(const struct stream *stream, const char *socket_path, char **environment)
{
    const struct registry_config *config = &stream->registry->config;
    return (struct worker_spec){.stream_id = stream->id,
                                .run_id = stream->run_id,
                                .socket_path = socket_path,
                                .argv = config->worker_argv,
                                .environment = (const char *const *)environment,
                                .clock = config->clock};
}

static void count_restart(struct stream *stream)
{
    struct registry *registry = stream->registry;
    stream->restarts++;
    if (registry->events.on_worker_restart != NULL)
        registry->events.on_worker_restart(stream, registry->user);
}

/* One that an earlier media-service started a moment before its end may have had no socket when we looked for
 * what to adopt. */
static struct worker *start_or_adopt(struct stream *stream, struct dub_error *error)
{
    const struct registry_config *config = &stream->registry->config;
    g_autofree char *socket_path = state_dir_socket_path(config->state_dir, stream->id);
    g_auto(GStrv) environment = make_environment(stream);
    struct worker_spec spec = spec_of(stream, socket_path, environment);
    pid_t running = control_client_probe(socket_path);
    struct worker *worker = NULL;
    if (running > 0) {
        struct dub_log_context context = stream_log_context(stream);
        dub_log(DUB_LOG_INFO, &context, "media-worker runs already, pid %d", (int)running);
        worker = config->workers->adopt(&spec, running, &worker_events, stream, error);
    } else {
        worker = config->workers->start(&spec, &worker_events, stream, error);
    }
    /* cppcheck-suppress returnDanglingLifetime ; what the worker needs of the spec it has copied */
    return worker;
}

static void start_worker(struct stream *stream)
{
    const struct registry_config *config = &stream->registry->config;
    struct dub_log_context context = stream_log_context(stream);
    struct dub_error error = {0};
    stream->seq_base = stream->ledger.last_seq;
    /* First, so that a crash between the two leaves no worker that nobody knows. */
    stream_record_save(stream, config->state_dir);
    stream->worker = start_or_adopt(stream, &error);
    if (stream->worker != NULL)
        return;
    dub_log(DUB_LOG_ERROR, &context, "media-worker could not be started: %s", error.message);
    stream_set_error(stream, error.message);
    stream->start_failure = error.code == DUB_ERROR_NOT_FOUND ? WORKER_END_REFUSED : WORKER_END_FAILED;
    stream->start_failure_source = g_idle_add(report_start_failure, stream);
}

static void stop_worker(struct stream *stream)
{
    if (stream->worker != NULL)
        stream->registry->config.workers->stop(stream->worker);
}

static void carry_out(struct stream *stream, enum stream_action action, bool run_goes_on)
{
    switch (action) {
    case STREAM_ACTION_BEGIN_RUN:
        begin_run(stream);
        break;
    case STREAM_ACTION_START_WORKER:
        if (run_goes_on)
            count_restart(stream);
        start_worker(stream);
        break;
    case STREAM_ACTION_STOP_WORKER:
        stop_worker(stream);
        break;
    case STREAM_ACTION_END_RUN:
        end_run(stream);
        break;
    case STREAM_ACTION_COUNT:
        break;
    }
}

static void log_change(const struct stream *stream, enum stream_state before, enum stream_event event)
{
    struct dub_log_context context = stream_log_context(stream);
    enum dub_log_level level = stream->fsm.state == STREAM_DEGRADED ? DUB_LOG_ERROR : DUB_LOG_INFO;
    if (stream->fsm.state != before)
        dub_log(level, &context, "%s -> %s (%s)%s%s", stream_state_name(before),
                stream_state_name(stream->fsm.state), stream_event_name(event),
                level == DUB_LOG_ERROR ? ": waits for a new publisher or a restart; " : "",
                level == DUB_LOG_ERROR && stream->last_error != NULL ? stream->last_error : "");
}

static void notify_state(struct stream *stream)
{
    struct registry *registry = stream->registry;
    if (registry->events.on_state != NULL)
        registry->events.on_state(stream, registry->user);
}

bool stream_handle(struct stream *stream, enum stream_event event)
{
    struct stream_actions actions = {.n = 0};
    enum stream_state before = stream->fsm.state;
    if (!stream_fsm_handle(&stream->fsm, event, registry_now_ns(stream->registry), &actions)) {
        if (event != STREAM_EVENT_TICK && event != STREAM_EVENT_SEEN && event != STREAM_EVENT_WORKER_UP) {
            struct dub_log_context context = stream_log_context(stream);
            dub_log(DUB_LOG_DEBUG, &context, "%s does not matter in the state %s", stream_event_name(event),
                    stream_state_name(before));
        }
        return false;
    }
    bool begins = actions.n > 0 && actions.items[0] != STREAM_ACTION_START_WORKER;
    for (unsigned i = 0; i < actions.n; i++)
        carry_out(stream, actions.items[i], !begins);
    log_change(stream, before, event);
    stream_record_keep_stop(stream, stream->registry->config.state_dir, stream->registry->closing);
    stream_egress_update(stream);
    notify_state(stream);
    return true;
}

void stream_dispatch(struct stream *stream, enum stream_event event)
{
    struct registry *registry = stream->registry;
    stream_handle(stream, event);
    registry_check_all_stopped(registry);
}

static void take_ledger_line(const char *text, void *user)
{
    struct stream *stream = user;
    struct dub_ledger_line line = {0};
    g_autoptr(JsonNode) node = dub_json_parse(text, strlen(text), NULL);
    if (node != NULL && dub_ledger_line_read(&line, node, NULL))
        ledger_add(&stream->ledger, &line, line.seq);
    dub_ledger_line_clear(&line);
}

/* The run that the record tells of, or a new one around the worker when there is no record. */
static bool resume_run(struct stream *stream)
{
    bool by_operator = false;
    if (!stream_record_load(stream, stream->registry->config.state_dir, &by_operator)) {
        begin_run(stream);
        return false;
    }
    stream->started_ns =
        registry_now_ns(stream->registry) - (dub_wall_time_ms() - stream->started_ms) * DUB_NS_PER_MS;
    open_bundle(stream);
    bundle_read_lines(stream->bundle, LEDGER_MAX_LINES, take_ledger_line, stream);
    return by_operator;
}

void stream_adopt(struct stream *stream, pid_t pid, const char *socket_path)
{
    const struct registry_config *config = &stream->registry->config;
    struct dub_error error = {0};
    bool by_operator = resume_run(stream);
    struct dub_log_context context = stream_log_context(stream);
    struct worker_spec spec = spec_of(stream, socket_path, NULL);
    stream->worker = config->workers->adopt(&spec, pid, &worker_events, stream, &error);
    if (stream->worker == NULL) {
        dub_log(DUB_LOG_WARN, &context, "media-worker (pid %d) cannot be adopted: %s", (int)pid,
                error.message);
        end_run(stream);
        return;
    }
    dub_log(DUB_LOG_INFO, &context, "media-worker adopted, pid %d", (int)pid);
    stream_dispatch(stream, by_operator ? STREAM_EVENT_ADOPTED_OPERATOR : STREAM_EVENT_ADOPTED);
    stream_record_save(stream, stream->registry->config.state_dir);
}
