/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "registry.h"

#include "../supervise/control_client.h"
#include "registry_private.h"
#include "stream_egress.h"
#include "stream_record.h"
#include "stream_run.h"

#include <string.h>

#define IDLE_STREAMS_MAX 100
#define STOPPED_STREAMS_MAX 1000

static void free_stream(void *data)
{
    struct stream *stream = data;
    stream->registry->config.workers->free(g_steal_pointer(&stream->worker));
    stream->registry->config.workers->free(g_steal_pointer(&stream->egress.worker));
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

bool registry_bundles_are_refused(const struct registry *registry)
{
    return bundle_store_is_refused(registry->config.bundles);
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

static bool is_forgettable(const struct stream *stream)
{
    return !is_busy(stream) && stream->egress.worker == NULL;
}

/* The idle stream that ended first, where there are too many to keep. One that an operator has stopped may
 * have its publisher still: forgotten, it would start again, so that those count by themselves. */
static struct stream *find_forgettable(const struct registry *registry)
{
    static const unsigned limits[] = {IDLE_STREAMS_MAX, STOPPED_STREAMS_MAX};
    GHashTableIter iter;
    void *value;
    unsigned n[G_N_ELEMENTS(limits)] = {0};
    struct stream *oldest[G_N_ELEMENTS(limits)] = {NULL};
    g_hash_table_iter_init(&iter, registry->streams);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct stream *stream = value;
        if (!is_forgettable(stream))
            continue;
        unsigned kind = stream->fsm.held ? 1 : 0;
        n[kind]++;
        if (oldest[kind] == NULL || stream->ended_ns < oldest[kind]->ended_ns)
            oldest[kind] = stream;
    }
    for (unsigned kind = 0; kind < G_N_ELEMENTS(limits); kind++)
        if (n[kind] > limits[kind])
            return oldest[kind];
    return NULL;
}

static void forget(struct registry *registry, struct stream *stream)
{
    if (registry->events.on_forgotten != NULL)
        registry->events.on_forgotten(stream, registry->user);
    if (stream->stop_is_kept)
        state_dir_remove_stop(registry->config.state_dir, stream->id);
    g_hash_table_remove(registry->streams, stream->id);
}

static struct stream *get_stream(struct registry *registry, const char *stream_id)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream != NULL)
        return stream;
    struct stream *old = find_forgettable(registry);
    if (old != NULL)
        forget(registry, old);
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
        return dub_error_set(error, DUB_ERROR_CANCELLED, "media-service is stopping");
    if (stream != NULL && is_busy(stream))
        return true;
    if (registry->config.max_workers == 0 || count_busy(registry) < registry->config.max_workers)
        return true;
    return dub_error_set(error, DUB_ERROR_LIMIT, "all %d workers are busy (ORCH_MAX_WORKERS)",
                         (int)registry->config.max_workers);
}

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
    /* A hook that comes twice, or again and again, says no more than the list does: it must not start what an
     * operator has stopped, nor what has failed too often. */
    bool is_known = *source_id != '\0' && strcmp((*stream)->source_id, source_id) == 0;
    if (!is_busy(*stream) || (*stream)->fsm.state == STREAM_STOPPING)
        set_up_for_publisher(*stream, query);
    stream_replace_text(&(*stream)->source_id, source_id);
    stream_dispatch(*stream, is_known ? STREAM_EVENT_SEEN : STREAM_EVENT_READY);
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
        stream_dispatch(stream, STREAM_EVENT_NOT_READY);
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
    stream_dispatch(stream, STREAM_EVENT_SEEN);
    return true;
}

void registry_publisher_missing(struct registry *registry, const char *stream_id)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream != NULL)
        stream_dispatch(stream, STREAM_EVENT_NOT_READY);
}

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
        stream_replace_text(&stream->input_url, input_url);
    if (output_url != NULL)
        stream_replace_text(&stream->output_url, output_url);
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
    stream_dispatch(*stream, STREAM_EVENT_START);
    return true;
}

static bool ask(struct registry *registry, const char *stream_id, enum stream_event event,
                struct dub_error *error)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream == NULL)
        return dub_error_set(error, DUB_ERROR_STREAM_NOT_FOUND, "there is no stream \"%s\"", stream_id);
    if (!stream_handle(stream, event))
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE, "the stream is %s",
                             stream_state_name(stream->fsm.state));
    registry_check_all_stopped(registry);
    return true;
}

bool registry_stop(struct registry *registry, const char *stream_id, struct dub_error *error)
{
    return ask(registry, stream_id, STREAM_EVENT_STOP, error);
}

bool registry_restart(struct registry *registry, const char *stream_id, struct dub_error *error)
{
    if (registry_find(registry, stream_id) != NULL && !has_room(registry, stream_id, error))
        return false;
    return ask(registry, stream_id, STREAM_EVENT_RESTART, error);
}

bool registry_set_egress(struct registry *registry, const char *stream_id, const char *dest_url,
                         struct dub_error *error)
{
    struct stream *stream = registry_find(registry, stream_id);
    if (stream == NULL)
        return dub_error_set(error, DUB_ERROR_STREAM_NOT_FOUND, "there is no stream \"%s\"", stream_id);
    if (stream->fsm.state != STREAM_STARTING && stream->fsm.state != STREAM_RUNNING)
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE, "the stream is %s",
                             stream_state_name(stream->fsm.state));
    stream_egress_set(stream, dest_url);
    return true;
}

/* After the workers: by then it is known which streams go on. */
static void adopt_egress(struct registry *registry)
{
    g_autoptr(GPtrArray) ids = state_dir_list_egress(registry->config.state_dir);
    for (guint i = 0; i < ids->len; i++) {
        g_autofree char *path = state_dir_egress_path(registry->config.state_dir, ids->pdata[i]);
        pid_t pid = control_client_probe(path);
        if (pid != 0)
            stream_egress_adopt(get_stream(registry, ids->pdata[i]), pid);
    }
}

static void adopt_workers(struct registry *registry)
{
    g_autoptr(GPtrArray) ids = state_dir_list_sockets(registry->config.state_dir);
    for (guint i = 0; i < ids->len; i++) {
        g_autofree char *path = state_dir_socket_path(registry->config.state_dir, ids->pdata[i]);
        pid_t pid = control_client_probe(path);
        if (pid == 0)
            continue;
        struct stream *stream = get_stream(registry, ids->pdata[i]);
        set_up_for_publisher(stream, "");
        stream_adopt(stream, pid, path);
    }
}

/* Before the workers: one that is found running of a stopped stream is ended. */
static void adopt_stops(struct registry *registry)
{
    g_autoptr(GPtrArray) ids = state_dir_list_stops(registry->config.state_dir);
    for (guint i = 0; i < ids->len; i++)
        stream_record_restore_stop(get_stream(registry, ids->pdata[i]), registry->config.state_dir);
}

void registry_adopt(struct registry *registry)
{
    adopt_stops(registry);
    adopt_workers(registry);
    adopt_egress(registry);
}

static bool all_workers_ended(const struct registry *registry)
{
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, registry->streams);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct stream *stream = value;
        if (stream->fsm.has_worker || stream->egress.fsm.has_process)
            return false;
    }
    return true;
}

void registry_check_all_stopped(struct registry *registry)
{
    if (registry->on_stopped == NULL || !all_workers_ended(registry))
        return;
    void (*on_stopped)(void *user) = registry->on_stopped;
    registry->on_stopped = NULL;
    on_stopped(registry->on_stopped_user);
}

void registry_stop_all(struct registry *registry, void (*on_stopped)(void *user), void *user)
{
    g_autoptr(GList) streams = registry_list(registry);
    registry->closing = true;
    registry->on_stopped = on_stopped;
    registry->on_stopped_user = user;
    for (GList *item = streams; item != NULL; item = item->next)
        stream_handle(item->data, STREAM_EVENT_STOP);
    /* Where nothing changed by that there may still be one that was left over. */
    for (GList *item = streams; item != NULL; item = item->next)
        stream_egress_update(item->data);
    registry_check_all_stopped(registry);
}

void registry_tick(struct registry *registry)
{
    g_autoptr(GList) streams = registry_list(registry);
    int64_t now = registry_now_ns(registry);
    for (GList *item = streams; item != NULL; item = item->next) {
        struct stream *stream = item->data;
        if (stream->worker != NULL)
            registry->config.workers->tick(stream->worker);
        if (stream->egress.worker != NULL)
            registry->config.workers->tick(stream->egress.worker);
        stream_egress_update(stream);
        if (now >= stream_fsm_deadline_ns(&stream->fsm))
            stream_dispatch(stream, STREAM_EVENT_TICK);
    }
}
