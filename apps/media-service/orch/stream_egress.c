/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream_egress.h"

#include "../egress/dest_url.h"
#include "../supervise/control_client.h"
#include "registry_private.h"
#include "stream_record.h"

#include <string.h>

static void take_end(const struct worker_end *end, void *user);

void stream_egress_clear(struct stream *stream)
{
    g_free(stream->egress.dest_url);
    g_free(stream->egress.served_url);
    g_free(stream->egress.version);
    g_free(stream->egress.last_error);
}

char *stream_egress_default_url(const char *pattern, const char *stream_id)
{
    g_auto(GStrv) parts = g_strsplit(pattern, "{streamId}", -1);
    return g_strjoinv(stream_id, parts);
}

/* NULL: none. Owned by the caller. */
static char *choose_destination(const struct stream *stream)
{
    const struct registry_config *config = &stream->registry->config;
    const char *enabled = stream_settings_get(&stream->settings, STREAM_EGRESS_ENABLED);
    const char *own = stream_settings_get(&stream->settings, STREAM_EGRESS_DEST_URL);
    if (g_strcmp0(enabled, "false") == 0)
        return NULL;
    if (own != NULL)
        return g_strdup(own);
    bool has_default = config->egress_dest_url != NULL && *config->egress_dest_url != '\0';
    bool is_enabled = enabled != NULL || config->egress_enabled;
    return has_default && is_enabled ? stream_egress_default_url(config->egress_dest_url, stream->id) : NULL;
}

static void apply_destination(struct stream *stream, char *take_url)
{
    struct stream_egress *egress = &stream->egress;
    if (g_strcmp0(take_url, egress->dest_url) != 0)
        g_clear_pointer(&egress->last_error, g_free);
    g_free(egress->dest_url);
    egress->dest_url = take_url;
    if (take_url != NULL)
        egress_fsm_want(&egress->fsm, g_strcmp0(take_url, egress->served_url) != 0);
    else
        egress_fsm_unwant(&egress->fsm);
}

void stream_egress_begin_run(struct stream *stream)
{
    g_clear_pointer(&stream->egress.last_error, g_free);
    stream->egress.restarts = 0;
    apply_destination(stream, choose_destination(stream));
}

void stream_egress_set(struct stream *stream, const char *dest_url)
{
    struct dub_log_context context = stream_log_context(stream);
    g_autofree char *masked = dest_url != NULL ? egress_dest_mask(dest_url) : g_strdup("none");
    dub_log(DUB_LOG_INFO, &context, "egress destination: %s (operator)", masked);
    stream_settings_set_egress(&stream->settings, dest_url);
    apply_destination(stream, g_strdup(dest_url));
    stream_record_save(stream, stream->registry->config.state_dir);
    stream_egress_update(stream);
}

void stream_egress_restore(struct stream *stream, const char *dest_url, const char *served_url)
{
    stream_settings_set_egress(&stream->settings, dest_url);
    g_free(stream->egress.served_url);
    stream->egress.served_url = g_strdup(served_url);
    apply_destination(stream, g_strdup(dest_url));
}

static void take_status(const struct dub_worker_status *status, void *user)
{
    struct stream *stream = user;
    struct stream_egress *egress = &stream->egress;
    egress->has_facts = true;
    egress->input_connected = status->input.connected;
    egress->output_connected = status->output.connected;
    egress->was_connected |= status->output.connected;
    egress->bytes = status->output.bytes;
    egress->reconnects = status->output.reconnects;
    bool serves_it = g_strcmp0(egress->served_url, egress->dest_url) == 0;
    if (serves_it && status->output.last_error != NULL)
        stream_replace_text(&egress->last_error, status->output.last_error);
    stream_egress_update(stream);
}

static void take_phrase(const struct dub_ledger_line *line, void *user)
{
    /* A forwarder has none; one that sends some is not listened to. */
}

static void take_hello(const struct dub_worker_hello *hello, void *user)
{
    stream_replace_text(&((struct stream *)user)->egress.version, hello->version);
}

static const struct worker_events egress_events = {
    .on_status = take_status, .on_phrase = take_phrase, .on_hello = take_hello, .on_end = take_end};

static char **make_environment(const struct stream *stream)
{
    const struct registry_config *config = &stream->registry->config;
    GPtrArray *environment = g_ptr_array_new();
    for (unsigned i = 0; config->worker_environment[i] != NULL; i++)
        g_ptr_array_add(environment, g_strdup(config->worker_environment[i]));
    g_ptr_array_add(environment, g_strdup("WORKER_STS_API_KEY="));
    g_ptr_array_add(environment, g_strdup("EGRESS_ENABLED=true"));
    g_ptr_array_add(environment, g_strdup_printf("EGRESS_STREAM_ID=%s", stream->id));
    g_ptr_array_add(environment, g_strdup_printf("EGRESS_INPUT_URL=%s", stream->output_url));
    g_ptr_array_add(environment, g_strdup_printf("EGRESS_DEST_URL=%s", stream->egress.dest_url));
    g_ptr_array_add(environment, g_strdup_printf("RUN_ID=%s", stream->run_id));
    g_ptr_array_add(environment, g_strdup_printf("ORCH_STATE_DIR=%s", state_dir_path(config->state_dir)));
    g_ptr_array_add(environment, NULL);
    return (char **)g_ptr_array_free(environment, FALSE);
}

static struct worker_spec spec_of(const struct stream *stream, const char *socket_path, char **environment)
{
    const struct registry_config *config = &stream->registry->config;
    return (struct worker_spec){.program = "egress-forwarder",
                                .stream_id = stream->id,
                                .run_id = stream->run_id,
                                .socket_path = socket_path,
                                .argv = config->egress_argv,
                                .environment = (const char *const *)environment,
                                .clock = config->clock};
}

static struct worker *adopt(struct stream *stream, pid_t pid, struct dub_error *error)
{
    const struct registry_config *config = &stream->registry->config;
    struct dub_log_context context = stream_log_context(stream);
    g_autofree char *socket_path = state_dir_egress_path(config->state_dir, stream->id);
    struct worker_spec spec = spec_of(stream, socket_path, NULL);
    struct worker *worker = config->workers->adopt(&spec, pid, &egress_events, stream, error);
    if (worker != NULL)
        dub_log(DUB_LOG_INFO, &context, "egress-forwarder adopted, pid %d", (int)pid);
    /* cppcheck-suppress returnDanglingLifetime ; what the worker needs of the spec it has copied */
    return worker;
}

static struct worker *start_new(struct stream *stream, const char *socket_path, struct dub_error *error)
{
    const struct registry_config *config = &stream->registry->config;
    g_auto(GStrv) environment = make_environment(stream);
    struct worker_spec spec = spec_of(stream, socket_path, environment);
    stream_replace_text(&stream->egress.served_url, stream->egress.dest_url);
    /* First, so that a crash between the two leaves no forwarder of which nobody knows where it sends. */
    stream_record_save(stream, config->state_dir);
    /* cppcheck-suppress returnDanglingLifetime ; what the worker needs of the spec it has copied */
    return config->workers->start(&spec, &egress_events, stream, error);
}

/* One that an earlier media-service started a moment before its end may have had no socket when we looked for
 * what to adopt. */
static void start(struct stream *stream)
{
    struct stream_egress *egress = &stream->egress;
    struct dub_error error = {0};
    g_autofree char *socket_path = state_dir_egress_path(stream->registry->config.state_dir, stream->id);
    pid_t running = control_client_probe(socket_path);
    egress->has_facts = egress->was_connected = egress->input_connected = egress->output_connected = false;
    egress->worker = running > 0 ? adopt(stream, running, &error) : start_new(stream, socket_path, &error);
    if (egress->worker == NULL) {
        struct dub_log_context context = stream_log_context(stream);
        dub_log(DUB_LOG_ERROR, &context, "egress-forwarder could not be started: %s", error.message);
        stream_replace_text(&egress->last_error, error.message);
        egress_fsm_ended(&egress->fsm,
                         error.code == DUB_ERROR_NOT_FOUND ? EGRESS_END_REFUSED : EGRESS_END_FAILED,
                         registry_now_ns(stream->registry));
    } else if (running > 0) {
        egress_fsm_adopted(&egress->fsm, g_strcmp0(egress->dest_url, egress->served_url) != 0);
    }
}

static enum egress_state state_of(const struct stream_egress *egress)
{
    enum egress_state state = egress_fsm_state(&egress->fsm);
    if (state != EGRESS_STARTING || !egress->has_facts)
        return state;
    if (egress->input_connected && egress->output_connected)
        return EGRESS_FORWARDING;
    return egress->was_connected || egress->last_error != NULL ? EGRESS_RETRYING : EGRESS_STARTING;
}

static void tell_change(struct stream *stream)
{
    struct registry *registry = stream->registry;
    struct dub_log_context context = stream_log_context(stream);
    enum egress_state state = state_of(&stream->egress);
    if (state == stream->egress.told)
        return;
    stream->egress.told = state;
    dub_log(state == EGRESS_FAILED ? DUB_LOG_ERROR : DUB_LOG_INFO, &context, "egress: %s%s",
            egress_state_name(state), state == EGRESS_FAILED ? "; waits for another destination or run" : "");
    if (registry->events.on_state != NULL)
        registry->events.on_state(stream, registry->user);
}

void stream_egress_update(struct stream *stream)
{
    struct stream_egress *egress = &stream->egress;
    enum stream_state state = stream->fsm.state;
    egress_fsm_set_stream(&egress->fsm, state == STREAM_STARTING || state == STREAM_RUNNING,
                          state == STREAM_RUNNING);
    switch (egress_fsm_step(&egress->fsm, registry_now_ns(stream->registry))) {
    case EGRESS_START:
        start(stream);
        break;
    case EGRESS_STOP:
        stream->registry->config.workers->stop(egress->worker);
        break;
    case EGRESS_NOTHING:
        break;
    }
    tell_change(stream);
}

static void take_end(const struct worker_end *end, void *user)
{
    struct stream *stream = user;
    struct stream_egress *egress = &stream->egress;
    struct dub_log_context context = stream_log_context(stream);
    bool expected = egress->fsm.stopping;
    dub_log(expected ? DUB_LOG_INFO : DUB_LOG_WARN, &context, "%s", end->text);
    if (!expected)
        stream_replace_text(&egress->last_error, end->text);
    stream->registry->config.workers->free(g_steal_pointer(&egress->worker));
    egress->output_connected = egress->input_connected = egress->has_facts = false;
    egress_fsm_ended(&egress->fsm, end->kind == WORKER_END_REFUSED ? EGRESS_END_REFUSED : EGRESS_END_FAILED,
                     registry_now_ns(stream->registry));
    egress->restarts += egress->fsm.restart_at_ns != 0 ? 1 : 0;
    stream_egress_update(stream);
    registry_check_all_stopped(stream->registry);
}

void stream_egress_adopt(struct stream *stream, pid_t pid)
{
    struct stream_egress *egress = &stream->egress;
    struct dub_error error = {0};
    if (egress->worker != NULL)
        return;
    egress->worker = adopt(stream, pid, &error);
    if (egress->worker == NULL)
        return; /* it has just ended */
    egress_fsm_adopted(&egress->fsm, g_strcmp0(egress->dest_url, egress->served_url) != 0);
    stream_egress_update(stream);
}

JsonObject *stream_egress_to_json(const struct stream *stream)
{
    const struct stream_egress *egress = &stream->egress;
    if (egress->dest_url == NULL && egress->worker == NULL)
        return NULL;
    JsonObject *object = json_object_new();
    g_autofree char *masked = egress->dest_url != NULL ? egress_dest_mask(egress->dest_url) : NULL;
    if (masked != NULL)
        json_object_set_string_member(object, "destUrl", masked);
    json_object_set_string_member(object, "state", egress_state_name(state_of(egress)));
    json_object_set_boolean_member(object, "connected", egress->output_connected);
    json_object_set_int_member(object, "bytes", egress->bytes);
    json_object_set_int_member(object, "reconnects", egress->reconnects);
    json_object_set_int_member(object, "restarts", egress->restarts);
    if (egress->worker != NULL)
        json_object_set_int_member(object, "pid", stream->registry->config.workers->pid(egress->worker));
    if (egress->last_error != NULL)
        json_object_set_string_member(object, "lastError", egress->last_error);
    return object;
}
