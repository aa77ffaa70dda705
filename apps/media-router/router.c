/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "router.h"

#include <dubbing_clock.h>
#include <dubbing_log.h>
#include <string.h>

struct router {
    const struct router_config *config;
    struct hook_pool *hooks;
    unsigned rtsp_port;
    GHashTable *paths; /* name -> struct router_path */
    struct router_counters counters;
    struct admission *admission;
    struct log_budget budget;        /* of lines about streams */
    struct log_budget memory_budget; /* of lines about memory */
    guint writes_until_trim;         /* the last look for something to forget found too little */
};

#define STREAM_LINES_PER_WINDOW 1000
/* Of what may be held: room that is made at once, so that not each message looks for some. */
#define TRIM_SHARE 8

static void free_path(gpointer data)
{
    struct router_path *path = data;
    g_free(path->name);
    g_strfreev(path->groups);
    g_free(path->query);
    g_ptr_array_unref(path->readers);
    g_free(path);
}

static struct router_path *add_path(struct router *router, const char *name, const struct path_config *config,
                                    char **take_groups)
{
    struct router_path *path = g_new0(struct router_path, 1);
    path->name = g_strdup(name);
    path->config = config;
    path->groups = take_groups;
    path->readers = g_ptr_array_new();
    g_hash_table_insert(router->paths, path->name, path);
    return path;
}

static bool is_plain(const struct path_config *config)
{
    return config->regex == NULL && strcmp(config->name, ROUTER_ALL_OTHERS) != 0;
}

struct router *router_new(const struct router_config *config, struct hook_pool *hooks, unsigned rtsp_port)
{
    struct router *router = g_new0(struct router, 1);
    router->config = config;
    router->hooks = hooks;
    router->rtsp_port = rtsp_port;
    hook_pool_set_max(hooks, (unsigned)config->limits.hooks);
    router->admission = admission_new(&config->limits, dub_clock_monotonic(), &router->counters);
    log_budget_init(&router->budget, dub_clock_monotonic(), "streams", STREAM_LINES_PER_WINDOW);
    log_budget_init(&router->memory_budget, dub_clock_monotonic(), "memory", 1);
    router->paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_path);
    for (guint i = 0; i < config->paths->len; i++) {
        const struct path_config *entry = config->paths->pdata[i];
        if (is_plain(entry))
            add_path(router, entry->name, entry, NULL);
    }
    return router;
}

/* Plain paths of the configuration are always there; others while somebody uses them. */
static void drop_if_unused(struct router *router, struct router_path *path)
{
    if (path->publisher == NULL && path->readers->len == 0 && !is_plain(path->config))
        g_hash_table_remove(router->paths, path->name);
}

/* What the commands of a path see; RFC 3986 escaping makes any query harmless in a command line. */
static char **hook_environment(const struct router *router, const struct router_path *path)
{
    g_autofree char *query = g_uri_escape_string(path->query, NULL, FALSE);
    g_autofree char *rtsp_port = g_strdup_printf("%u", router->rtsp_port);
    char **environment = g_strdupv(path->groups);
    environment = g_environ_setenv(environment, "MTX_PATH", path->name, TRUE);
    environment = g_environ_setenv(environment, "MTX_QUERY", query, TRUE);
    environment = g_environ_setenv(environment, "MTX_SOURCE_TYPE", path->publisher->ops->type, TRUE);
    environment = g_environ_setenv(environment, "MTX_SOURCE_ID", path->publisher->id, TRUE);
    return g_environ_setenv(environment, "RTSP_PORT", rtsp_port, TRUE);
}

struct admission *router_admission(struct router *router)
{
    return router->admission;
}

struct router_counters *router_counters(struct router *router)
{
    return &router->counters;
}

bool router_may_log(struct router *router)
{
    bool may = log_budget_take(&router->budget);
    router->counters.log_lines_left_out += !may;
    return may;
}

static void log_ready(const struct router_path *path)
{
    const enum flv_codec video = path->stream.video.codec, audio = path->stream.audio.codec;
    dub_log_info("path %s: ready, %s%s%s, from %s %s", path->name, flv_codec_name(video),
                 video != FLV_CODEC_NONE && audio != FLV_CODEC_NONE ? " and " : "", flv_codec_name(audio),
                 path->publisher->ops->type, path->publisher->id);
}

static void set_ready(struct router *router, struct router_path *path)
{
    path->ready = true;
    path->ready_wall_ms = dub_wall_time_ms();
    if (router_may_log(router))
        log_ready(path);
    g_auto(GStrv) environment = hook_environment(router, path);
    path->ready_hook =
        hook_start(router->hooks, &(struct hook_spec){.name = "runOnReady",
                                                      .path = path->name,
                                                      .command = path->config->run_on_ready,
                                                      .environment = (const char *const *)environment,
                                                      .restart = path->config->run_on_ready_restart});
}

static void set_not_ready(struct router *router, struct router_path *path)
{
    if (!path->ready)
        return;
    path->ready = false;
    if (router_may_log(router))
        dub_log_info("path %s: not ready any more", path->name);
    while (path->readers->len > 0) {
        struct router_reader *reader = g_ptr_array_steal_index(path->readers, path->readers->len - 1);
        reader->path = NULL;
        reader->ops->close(reader, "the stream has ended");
    }
    g_auto(GStrv) environment = hook_environment(router, path);
    hook_stop(g_steal_pointer(&path->ready_hook));
    hook_run(router->hooks, &(struct hook_spec){.name = "runOnNotReady",
                                                .path = path->name,
                                                .command = path->config->run_on_not_ready,
                                                .environment = (const char *const *)environment});
}

/* The path has no publisher afterwards; the publisher's connection is not touched. */
static void detach_publisher(struct router *router, struct router_path *path)
{
    set_not_ready(router, path);
    path->publisher->path = NULL;
    path->publisher = NULL;
    stream_clear(&path->stream);
    g_clear_pointer(&path->query, g_free);
}

void router_free(struct router *router)
{
    if (router == NULL)
        return;
    g_autoptr(GPtrArray) paths = router_list_paths(router);
    for (guint i = 0; i < paths->len; i++) {
        struct router_path *path = paths->pdata[i];
        struct router_publisher *publisher = path->publisher;
        if (publisher == NULL)
            continue;
        detach_publisher(router, path);
        publisher->ops->close(publisher, "the router stops");
    }
    g_hash_table_unref(router->paths);
    admission_free(router->admission);
    g_free(router);
}

/* Makes room for a newer publisher, if that is allowed. */
static bool take_over(struct router *router, struct router_path *path, struct dub_error *error)
{
    struct router_publisher *old = path->publisher;
    if (old == NULL)
        return true;
    if (!path->config->override_publisher)
        return dub_error_set(error, DUB_ERROR_UNAVAILABLE, "path %s: somebody publishes there already",
                             path->name);
    detach_publisher(router, path);
    old->ops->close(old, "another publisher has taken over the path");
    return true;
}

static struct router_path *get_path(struct router *router, const char *name, struct dub_error *error)
{
    struct router_path *path = router_find_path(router, name);
    if (path != NULL)
        return path;
    char **groups = NULL;
    const struct path_config *config = router_config_find_path(router->config, name, &groups);
    if (config == NULL) {
        dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "path %s is not configured", name);
        return NULL;
    }
    if (g_hash_table_size(router->paths) >= router->config->limits.paths && !is_plain(config)) {
        g_strfreev(groups);
        router->counters.paths_refused++;
        dub_error_set(
            error, DUB_ERROR_LIMIT,
            "path %s refused: %u paths are in use already; raise ROUTER_MAX_PATHS if that is too few", name,
            g_hash_table_size(router->paths));
        return NULL;
    }
    return add_path(router, name, config, groups);
}

bool router_publish(struct router *router, const char *name, const char *query,
                    struct router_publisher *publisher, struct dub_error *error)
{
    struct router_path *path = get_path(router, name, error);
    if (path == NULL || !take_over(router, path, error))
        return false;
    path->publisher = publisher;
    path->query = g_strdup(query);
    path->online_wall_ms = dub_wall_time_ms();
    publisher->path = path;
    stream_init(&path->stream);
    path->stream.gop_max_bytes = (gsize)router->config->limits.gop_bytes;
    if (router_may_log(router))
        dub_log_info("path %s: %s %s is publishing", name, publisher->ops->type, publisher->id);
    return true;
}

void router_unpublish(struct router *router, struct router_publisher *publisher)
{
    struct router_path *path = publisher->path;
    if (path == NULL)
        return;
    detach_publisher(router, path);
    drop_if_unused(router, path);
}

static void deliver(struct router_path *path, struct media_message *message)
{
    for (guint i = 0; i < path->readers->len; i++) {
        struct router_reader *reader = path->readers->pdata[i];
        reader->ops->message(reader, message, false);
    }
}

static int compare_gops(gconstpointer a, gconstpointer b)
{
    const struct router_path *const *first = a;
    const struct router_path *const *second = b;
    uint64_t one = (*first)->stream.gop_number, other = (*second)->stream.gop_number;
    return (one > other) - (one < other);
}

/* Struct router_path * of those that keep pictures, the oldest first: the next key frame is nearest there. */
static GPtrArray *list_gops(struct router *router)
{
    GPtrArray *paths = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, router->paths);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct router_path *path = value;
        if (path->publisher != NULL && path->stream.gop->len > 0)
            g_ptr_array_add(paths, value);
    }
    g_ptr_array_sort(paths, compare_gops);
    return paths;
}

static guint forget_gops(struct router *router, uint64_t until_bytes)
{
    g_autoptr(GPtrArray) paths = list_gops(router);
    guint n = 0;
    while (n < paths->len && media_held_bytes() > until_bytes)
        stream_forget_gop(&((struct router_path *)paths->pdata[n++])->stream);
    return n;
}

bool router_has_memory(struct router *router)
{
    const uint64_t limit = (uint64_t)router->config->limits.held_bytes;
    if (media_held_bytes() <= limit)
        return true;
    if (router->writes_until_trim > 0) {
        router->writes_until_trim--;
        return false;
    }
    guint n = forget_gops(router, limit - limit / TRIM_SHARE);
    router->counters.caches_dropped += n;
    if (media_held_bytes() > limit)
        router->writes_until_trim = g_hash_table_size(router->paths);
    if (log_budget_take(&router->memory_budget))
        dub_log_warn("more than %" G_GUINT64_FORMAT
                     " MiB of media are held (ROUTER_MAX_MEMORY): %u groups of "
                     "pictures are forgotten, new readers wait for the next key frame there",
                     limit >> 20, n);
    return media_held_bytes() <= limit;
}

void router_write(struct router *router, struct router_publisher *publisher,
                  struct media_message *take_message)
{
    struct router_path *path = publisher->path;
    if (path != NULL) {
        path->inbound_bytes += take_message->size;
        if (stream_observe(&path->stream, take_message))
            deliver(path, take_message);
        if (path->stream.ready && !path->ready)
            set_ready(router, path);
    }
    media_message_unref(take_message);
    router_has_memory(router);
}

bool router_read(struct router *router, const char *name, struct router_reader *reader,
                 struct dub_error *error)
{
    struct router_path *path = router_find_path(router, name);
    if (path == NULL || !path->ready)
        return dub_error_set(error, DUB_ERROR_NOT_FOUND, "no one is publishing to path %s", name);
    if (path->config->max_readers > 0 && path->readers->len >= path->config->max_readers)
        return dub_error_set(error, DUB_ERROR_LIMIT,
                             "path %s has as many readers as it may have (maxReaders %d)", name,
                             (int)path->config->max_readers);
    reader->path = path;
    g_ptr_array_add(path->readers, reader);
    if (router_may_log(router))
        dub_log_info("path %s: %s %s is reading", name, reader->ops->type, reader->id);
    return true;
}

static void send_backlog(struct media_message *message, void *user)
{
    struct router_reader *reader = user;
    reader->ops->message(reader, message, true);
}

void router_reader_start(struct router_reader *reader)
{
    if (reader->path != NULL)
        stream_for_each_start(&reader->path->stream, send_backlog, reader);
}

void router_unread(struct router *router, struct router_reader *reader)
{
    struct router_path *path = reader->path;
    if (path == NULL)
        return;
    g_ptr_array_remove_fast(path->readers, reader);
    reader->path = NULL;
    drop_if_unused(router, path);
}

const struct router_config *router_config_of(const struct router *router)
{
    return router->config;
}

static int compare_paths(gconstpointer a, gconstpointer b)
{
    const struct router_path *const *first = a;
    const struct router_path *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

GPtrArray *router_list_paths(struct router *router)
{
    GPtrArray *paths = g_ptr_array_new();
    GHashTableIter iter;
    gpointer path;
    g_hash_table_iter_init(&iter, router->paths);
    while (g_hash_table_iter_next(&iter, NULL, &path))
        g_ptr_array_add(paths, path);
    g_ptr_array_sort(paths, compare_paths);
    return paths;
}

struct router_path *router_find_path(struct router *router, const char *name)
{
    return g_hash_table_lookup(router->paths, name);
}
