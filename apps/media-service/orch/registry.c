/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "registry.h"

#include "../supervise/control_client.h"

#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <string.h>

#define IDLE_STREAMS_MAX 100

struct registry {
    struct registry_config config;
    struct registry_events events;
    void *user;
    GHashTable *streams; /* id -> struct stream, owned */
    bool closing;        /* nothing is started any more */
    void (*on_stopped)(void *user);
    void *on_stopped_user;
};

static int64_t now_ns(const struct registry *registry)
{
    return dub_clock_now_ns(registry->config.clock);
}

static void dispatch(struct stream *stream, enum stream_event event);

static void notify_state(struct stream *stream)
{
    struct registry *registry = stream->registry;
    if (registry->events.on_state != NULL)
        registry->events.on_state(stream, registry->user);
}

/* ---- what a new media-service needs to know of a running stream ---- */

static void save_record(const struct stream *stream)
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
    state_dir_save_stream(stream->registry->config.state_dir, stream->id, record);
}

static bool run_id_is_valid(const char *run_id)
{
    return *run_id != '\0' && *run_id != '.' && strchr(run_id, '/') == NULL;
}

static void replace(char **text, const char *with)
{
    char *copy = g_strdup(with);
    g_free(*text);
    *text = copy;
}

/* False when the record cannot be used; the stream may be half filled then. */
static bool read_record(struct stream *stream, JsonObject *record, bool *by_operator)
{
    bool failed;
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), record);
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, &error);
    struct dub_json_reader settings = dub_json_read_object(&reader, "settings", "settings.", false);
    replace(&stream->run_id, dub_json_read_string(&reader, "runId", 0));
    replace(&stream->input_url, dub_json_read_string(&reader, "inputUrl", 0));
    replace(&stream->output_url, dub_json_read_string(&reader, "outputUrl", 0));
    replace(&stream->source_id, dub_json_read_string_or(&reader, "sourceId", 0, ""));
    *by_operator = dub_json_read_bool_or(&reader, "byOperator", false);
    stream->started_ms = dub_json_read_int_or(&reader, "startedMs", 0, INT64_MAX, 0);
    stream->seq_base = dub_json_read_int_or(&reader, "seqBase", 0, INT64_MAX / 2, 0);
    stream->restarts = (unsigned)dub_json_read_int_or(&reader, "restarts", 0, G_MAXINT, 0);
    if (!failed && run_id_is_valid(stream->run_id) &&
        (settings.object == NULL || stream_settings_read_json(&stream->settings, settings.object, &error)))
        return true;
    struct dub_log_context context = {.stream_id = stream->id};
    dub_log(DUB_LOG_WARN, &context, "the record of the running stream is ignored: %s", error.message);
    return false;
}

/* ---- runs ---- */

static void open_bundle(struct stream *stream)
{
    stream->bundle = bundle_open(stream->registry->config.bundle_root, stream->id, stream->run_id);
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
    g_clear_pointer(&stream->last_error, g_free);
}

static void begin_run(struct stream *stream)
{
    reset_run(stream);
    g_free(stream->run_id);
    stream->run_id = dub_run_id_new();
    stream->started_ms = dub_wall_time_ms();
    stream->started_ns = now_ns(stream->registry);
    open_bundle(stream);
}

static void end_run(struct stream *stream)
{
    char ended[32];
    struct dub_log_context context = stream_log_context(stream);
    JsonObject *manifest = stream_to_manifest(stream);
    dub_wall_time_format(dub_wall_time_ms(), ended);
    json_object_set_string_member(manifest, "endedAt", ended);
    stream->ended_ns = now_ns(stream->registry);
    if (stream->bundle != NULL)
        bundle_write_manifest(stream->bundle, g_steal_pointer(&manifest));
    g_clear_pointer(&manifest, json_object_unref);
    g_clear_pointer(&stream->bundle, bundle_close);
    state_dir_remove_stream(stream->registry->config.state_dir, stream->id);
    dub_log(DUB_LOG_INFO, &context, "run ended");
}

/* ---- workers ---- */

static void take_phrase(const struct dub_ledger_line *line, void *user)
{
    struct stream *stream = user;
    struct registry *registry = stream->registry;
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

static void move_status(struct dub_worker_status *to, const struct dub_worker_status *from)
{
    g_autoptr(JsonNode) node = dub_worker_status_to_json(from);
    dub_worker_status_clear(to);
    if (!dub_worker_status_read(to, node, NULL))
        *to = (struct dub_worker_status){0};
}

static void take_status(const struct dub_worker_status *status, void *user)
{
    struct stream *stream = user;
    move_status(&stream->status, status);
    stream->has_status = true;
    if (status->state == DUB_WORKER_RUNNING)
        dispatch(stream, STREAM_EVENT_WORKER_UP);
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
    stream->registry->config.workers->free(g_steal_pointer(&stream->worker));
    dispatch(stream, event_of_end(end->kind));
}

static const struct worker_events worker_events = {take_status, take_phrase, take_end};

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
    g_ptr_array_add(environment, g_strdup_printf("ORCH_STATE_DIR=%s", state_dir_path(config->state_dir)));
    g_ptr_array_add(environment, NULL);
    return (char **)g_ptr_array_free(environment, FALSE);
}

static gboolean report_start_failure(void *user)
{
    struct stream *stream = user;
    stream->start_failure_source = 0;
    dispatch(stream, event_of_end(stream->start_failure));
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

static void start_worker(struct stream *stream)
{
    const struct registry_config *config = &stream->registry->config;
    struct dub_log_context context = stream_log_context(stream);
    struct dub_error error = {0};
    g_autofree char *socket_path = state_dir_socket_path(config->state_dir, stream->id);
    g_auto(GStrv) environment = make_environment(stream);
    struct worker_spec spec = spec_of(stream, socket_path, environment);
    pid_t running = control_client_probe(socket_path);
    stream->seq_base = stream->ledger.last_seq;
    /* First, so that a crash between the two leaves no worker that nobody knows. */
    save_record(stream);
    /* One that an earlier media-service started a moment before its end may have had no socket when we
     * looked. */
    stream->worker = running > 0 ? config->workers->adopt(&spec, running, &worker_events, stream, &error)
                                 : config->workers->start(&spec, &worker_events, stream, &error);
    if (stream->worker != NULL) {
        dub_log(DUB_LOG_INFO, &context, "media-worker started, pid %d",
                (int)config->workers->pid(stream->worker));
        return;
    }
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

/* ---- the state machine's side ---- */

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

static bool all_workers_ended(const struct registry *registry)
{
    GHashTableIter iter;
    void *stream;
    g_hash_table_iter_init(&iter, registry->streams);
    while (g_hash_table_iter_next(&iter, NULL, &stream))
        if (((const struct stream *)stream)->fsm.has_worker)
            return false;
    return true;
}

static void check_all_stopped(struct registry *registry)
{
    if (registry->on_stopped == NULL || !all_workers_ended(registry))
        return;
    void (*on_stopped)(void *user) = registry->on_stopped;
    registry->on_stopped = NULL;
    on_stopped(registry->on_stopped_user);
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

/* The one way in which anything happens to a stream. */
static bool handle(struct stream *stream, enum stream_event event)
{
    struct stream_actions actions;
    enum stream_state before = stream->fsm.state;
    if (!stream_fsm_handle(&stream->fsm, event, now_ns(stream->registry), &actions)) {
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
    notify_state(stream);
    return true;
}

static void dispatch(struct stream *stream, enum stream_event event)
{
    struct registry *registry = stream->registry;
    handle(stream, event);
    check_all_stopped(registry);
}

/* ---- the set of streams ---- */

static void free_stream(void *data)
{
    struct stream *stream = data;
    stream->registry->config.workers->free(g_steal_pointer(&stream->worker));
    stream_free(stream);
}

struct registry *registry_new(const struct registry_config *config, const struct registry_events *events,
                              void *user)
{
    struct registry *registry = g_new0(struct registry, 1);
    registry->config = *config;
    registry->events = *events;
    registry->user = user;
    registry->streams = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_stream);
    return registry;
}

void registry_free(struct registry *registry)
{
    if (registry == NULL)
        return;
    g_hash_table_unref(registry->streams);
    g_free(registry);
}

struct stream *registry_find(const struct registry *registry, const char *stream_id)
{
    return g_hash_table_lookup(registry->streams, stream_id);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct stream *)a)->id, ((const struct stream *)b)->id);
}

GList *registry_list(const struct registry *registry)
{
    return g_list_sort(g_hash_table_get_values(registry->streams), compare_ids);
}

static bool is_busy(const struct stream *stream)
{
    return stream->fsm.state != STREAM_IDLE && stream->fsm.state != STREAM_DEGRADED;
}

/* The idle stream that ended first, where there are too many to keep. */
static struct stream *find_forgettable(const struct registry *registry)
{
    GHashTableIter iter;
    void *value;
    unsigned n_idle = 0;
    struct stream *oldest = NULL;
    g_hash_table_iter_init(&iter, registry->streams);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct stream *stream = value;
        if (is_busy(stream))
            continue;
        n_idle++;
        if (oldest == NULL || stream->ended_ns < oldest->ended_ns)
            oldest = stream;
    }
    return n_idle > IDLE_STREAMS_MAX ? oldest : NULL;
}

static struct stream *get_stream(struct registry *registry, const char *stream_id)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream != NULL)
        return stream;
    struct stream *old = find_forgettable(registry);
    if (old != NULL) {
        if (registry->events.on_forgotten != NULL)
            registry->events.on_forgotten(old, registry->user);
        g_hash_table_remove(registry->streams, old->id);
    }
    stream = stream_new(registry, stream_id, registry->config.grace_ns);
    g_hash_table_insert(registry->streams, stream->id, stream);
    return stream;
}

static unsigned count_busy(const struct registry *registry)
{
    GHashTableIter iter;
    void *stream;
    unsigned n = 0;
    g_hash_table_iter_init(&iter, registry->streams);
    while (g_hash_table_iter_next(&iter, NULL, &stream))
        n += is_busy(stream);
    return n;
}

/* Whether one more stream, this one, may be busy. */
static bool has_room(const struct registry *registry, const char *stream_id, struct dub_error *error)
{
    const struct stream *stream = registry_find(registry, stream_id);
    if (registry->closing)
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE, "media-service is stopping");
    if (stream != NULL && is_busy(stream))
        return true;
    if (registry->config.max_workers == 0 || count_busy(registry) < registry->config.max_workers)
        return true;
    return dub_error_set(error, DUB_ERROR_LIMIT, "all %d workers are busy (ORCH_MAX_WORKERS)",
                         (int)registry->config.max_workers);
}

/* ---- publishers ---- */

/* What the coming run is made of; a run that goes on keeps what it began with. */
static void set_up_for_publisher(struct stream *stream, const char *query)
{
    const struct registry_config *config = &stream->registry->config;
    stream_settings_clear(&stream->settings);
    stream_settings_init(&stream->settings);
    stream_settings_read_file(&stream->settings, config->streams_dir, stream->id);
    stream_settings_read_query(&stream->settings, query, stream->id);
    g_free(stream->input_url);
    g_free(stream->output_url);
    stream->input_url = g_strdup_printf("%s/live/%s/in", config->router_rtmp_url, stream->id);
    stream->output_url = g_strdup_printf("%s/live/%s/out", config->router_rtmp_url, stream->id);
}

bool registry_publisher_ready(struct registry *registry, const char *stream_id, const char *query,
                              const char *source_id, struct stream **stream, struct dub_error *error)
{
    if (!has_room(registry, stream_id, error))
        return false;
    *stream = get_stream(registry, stream_id);
    if (!is_busy(*stream) || (*stream)->fsm.state == STREAM_STOPPING)
        set_up_for_publisher(*stream, query);
    replace(&(*stream)->source_id, source_id);
    dispatch(*stream, STREAM_EVENT_READY);
    return true;
}

struct stream *registry_publisher_gone(struct registry *registry, const char *stream_id,
                                       const char *source_id)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream == NULL)
        return NULL;
    bool replaced =
        *stream->source_id != '\0' && *source_id != '\0' && strcmp(stream->source_id, source_id) != 0;
    if (!replaced)
        dispatch(stream, STREAM_EVENT_NOT_READY);
    return stream;
}

bool registry_publisher_seen(struct registry *registry, const char *stream_id, const char *source_id,
                             struct dub_error *error)
{
    struct stream *stream = registry_find(registry, stream_id);
    bool is_another = stream == NULL || strcmp(stream->source_id, source_id) != 0;
    if (is_another)
        return registry_publisher_ready(registry, stream_id, "", source_id, &stream, error);
    bool starts = stream->fsm.state == STREAM_IDLE && !stream->fsm.held;
    if ((starts || registry->closing) && !has_room(registry, stream_id, error))
        return false;
    if (starts)
        set_up_for_publisher(stream, "");
    dispatch(stream, STREAM_EVENT_SEEN);
    return true;
}

void registry_publisher_missing(struct registry *registry, const char *stream_id)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream != NULL)
        dispatch(stream, STREAM_EVENT_NOT_READY);
}

/* ---- operators ---- */

static bool set_up_for_operator(struct stream *stream, const char *input_url, const char *output_url,
                                JsonObject *settings, struct dub_error *error)
{
    struct stream_settings checked;
    stream_settings_init(&checked);
    if (!stream_settings_read_json(&checked, settings, error)) {
        stream_settings_clear(&checked);
        return false;
    }
    stream_settings_clear(&checked);
    set_up_for_publisher(stream, "");
    (void)stream_settings_read_json(&stream->settings, settings, NULL);
    if (input_url != NULL)
        replace(&stream->input_url, input_url);
    if (output_url != NULL)
        replace(&stream->output_url, output_url);
    return true;
}

bool registry_start(struct registry *registry, const char *stream_id, const char *input_url,
                    const char *output_url, JsonObject *settings, struct stream **stream,
                    struct dub_error *error)
{
    struct stream *known = registry_find(registry, stream_id);
    if (known != NULL && is_busy(known))
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE, "the stream is %s already",
                             stream_state_name(known->fsm.state));
    if (!has_room(registry, stream_id, error))
        return false;
    *stream = get_stream(registry, stream_id);
    if (!set_up_for_operator(*stream, input_url, output_url, settings, error))
        return false;
    replace(&(*stream)->source_id, "");
    dispatch(*stream, STREAM_EVENT_START);
    return true;
}

static bool ask(struct registry *registry, const char *stream_id, enum stream_event event,
                struct dub_error *error)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream == NULL)
        return dub_error_set(error, DUB_ERROR_STREAM_NOT_FOUND, "there is no stream \"%s\"", stream_id);
    if (!handle(stream, event))
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE, "the stream is %s",
                             stream_state_name(stream->fsm.state));
    check_all_stopped(registry);
    return true;
}

bool registry_stop(struct registry *registry, const char *stream_id, struct dub_error *error)
{
    return ask(registry, stream_id, STREAM_EVENT_STOP, error);
}

bool registry_restart(struct registry *registry, const char *stream_id, struct dub_error *error)
{
    return !registry->closing ? ask(registry, stream_id, STREAM_EVENT_RESTART, error)
                              : dub_error_set(error, DUB_ERROR_UNAVAILABLE, "media-service is stopping");
}

/* ---- the beginning and the end of a media-service ---- */

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
    g_autoptr(JsonObject) record = state_dir_load_stream(stream->registry->config.state_dir, stream->id);
    bool by_operator = false;
    set_up_for_publisher(stream, "");
    if (record == NULL || !read_record(stream, record, &by_operator)) {
        begin_run(stream);
        return false;
    }
    stream->started_ns = now_ns(stream->registry) - (dub_wall_time_ms() - stream->started_ms) * DUB_NS_PER_MS;
    open_bundle(stream);
    bundle_read_lines(stream->bundle, LEDGER_MAX_LINES, take_ledger_line, stream);
    return by_operator;
}

static void adopt_stream(struct registry *registry, const char *stream_id, pid_t pid, const char *socket_path)
{
    struct dub_error error = {0};
    struct stream *stream = get_stream(registry, stream_id);
    bool by_operator = resume_run(stream);
    struct dub_log_context context = stream_log_context(stream);
    struct worker_spec spec = spec_of(stream, socket_path, NULL);
    stream->worker = registry->config.workers->adopt(&spec, pid, &worker_events, stream, &error);
    if (stream->worker == NULL) {
        dub_log(DUB_LOG_WARN, &context, "media-worker (pid %d) cannot be adopted: %s", (int)pid,
                error.message);
        end_run(stream);
        return;
    }
    dub_log(DUB_LOG_INFO, &context, "media-worker adopted, pid %d", (int)pid);
    dispatch(stream, by_operator ? STREAM_EVENT_ADOPTED_OPERATOR : STREAM_EVENT_ADOPTED);
    save_record(stream);
}

void registry_adopt(struct registry *registry)
{
    g_autoptr(GPtrArray) ids = state_dir_list_sockets(registry->config.state_dir);
    for (guint i = 0; i < ids->len; i++) {
        g_autofree char *path = state_dir_socket_path(registry->config.state_dir, ids->pdata[i]);
        pid_t pid = control_client_probe(path);
        if (pid > 0)
            adopt_stream(registry, ids->pdata[i], pid, path);
    }
}

void registry_stop_all(struct registry *registry, void (*on_stopped)(void *user), void *user)
{
    g_autoptr(GList) streams = registry_list(registry);
    registry->closing = true;
    registry->on_stopped = on_stopped;
    registry->on_stopped_user = user;
    for (GList *item = streams; item != NULL; item = item->next)
        handle(item->data, STREAM_EVENT_STOP);
    check_all_stopped(registry);
}

void registry_tick(struct registry *registry)
{
    g_autoptr(GList) streams = registry_list(registry);
    int64_t now = now_ns(registry);
    for (GList *item = streams; item != NULL; item = item->next) {
        struct stream *stream = item->data;
        if (now >= stream_fsm_deadline_ns(&stream->fsm))
            dispatch(stream, STREAM_EVENT_TICK);
    }
}
