/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_dir.h"

#include <dubbing_file.h>
#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define RECORD_MAX_BYTES (64 * 1024)

struct state_dir {
    char *path, *workers, *egress, *streams, *stopped;
    int lock_fd;
};

static bool make_directories(struct state_dir *dir, const char *path, struct dub_error *error)
{
    if (!dub_dir_ensure(path, error))
        return false;
    char *absolute = realpath(path, NULL);
    if (absolute == NULL) {
        dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot use the directory %s", path);
        return false;
    }
    dir->path = g_strdup(absolute);
    free(absolute);
    dir->workers = g_build_filename(dir->path, "workers", NULL);
    dir->egress = g_build_filename(dir->path, "egress", NULL);
    dir->streams = g_build_filename(dir->path, "streams", NULL);
    dir->stopped = g_build_filename(dir->path, "stopped", NULL);
    return dub_dir_ensure(dir->workers, error) && dub_dir_ensure(dir->egress, error) &&
           dub_dir_ensure(dir->streams, error) && dub_dir_ensure(dir->stopped, error);
}

/* The lock goes with the process, whatever its end: there is nothing to clean up after a crash. */
static bool lock(struct state_dir *dir, struct dub_error *error)
{
    g_autofree char *path = g_build_filename(dir->path, "media-service.lock", NULL);
    dir->lock_fd = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (dir->lock_fd < 0)
        return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot open %s", path);
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno != EWOULDBLOCK)
        return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot lock %s", path);
    return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                         "another media-service uses %s: stop it, or set ORCH_STATE_DIR to another directory",
                         dir->path);
}

struct state_dir *state_dir_open(const char *path, struct dub_error *error)
{
    struct state_dir *dir = g_new0(struct state_dir, 1);
    dir->lock_fd = -1;
    if (make_directories(dir, path, error) && lock(dir, error))
        return dir;
    state_dir_close(dir);
    return NULL;
}

void state_dir_close(struct state_dir *dir)
{
    if (dir == NULL)
        return;
    if (dir->lock_fd >= 0)
        close(dir->lock_fd);
    g_free(dir->path);
    g_free(dir->workers);
    g_free(dir->egress);
    g_free(dir->streams);
    g_free(dir->stopped);
    g_free(dir);
}

const char *state_dir_path(const struct state_dir *dir)
{
    return dir->path;
}

char *state_dir_socket_path(const struct state_dir *dir, const char *stream_id)
{
    return g_strdup_printf("%s/%s.sock", dir->workers, stream_id);
}

char *state_dir_egress_path(const struct state_dir *dir, const char *stream_id)
{
    return g_strdup_printf("%s/%s.sock", dir->egress, stream_id);
}

/* The ids of the streams that have a file in the folder. */
static GPtrArray *list_ids(const char *folder, const char *suffix)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    GDir *listing = g_dir_open(folder, 0, NULL);
    for (const char *name; listing != NULL && (name = g_dir_read_name(listing)) != NULL;) {
        if (!g_str_has_suffix(name, suffix))
            continue;
        g_autofree char *id = g_strndup(name, strlen(name) - strlen(suffix));
        if (dub_stream_id_is_valid(id))
            g_ptr_array_add(ids, g_steal_pointer(&id));
    }
    if (listing != NULL)
        g_dir_close(listing);
    return ids;
}

GPtrArray *state_dir_list_sockets(const struct state_dir *dir)
{
    return list_ids(dir->workers, ".sock");
}

GPtrArray *state_dir_list_egress(const struct state_dir *dir)
{
    return list_ids(dir->egress, ".sock");
}

bool state_dir_is_writable(const struct state_dir *dir)
{
    return g_access(dir->streams, W_OK | X_OK) == 0 && g_access(dir->workers, W_OK | X_OK) == 0;
}

static char *record_path(const char *folder, const char *stream_id)
{
    return g_strdup_printf("%s/%s.json", folder, stream_id);
}

static void save_record(const char *folder, const char *stream_id, JsonObject *take_record)
{
    g_autofree char *path = record_path(folder, stream_id);
    g_autofree char *text = dub_json_object_to_string_take(take_record);
    struct dub_error error;
    if (!dub_file_replace(path, text, strlen(text), &error))
        dub_log(DUB_LOG_WARN, &(struct dub_log_context){.stream_id = stream_id}, "%s", error.message);
}

static void remove_record(const char *folder, const char *stream_id)
{
    g_autofree char *path = record_path(folder, stream_id);
    (void)g_unlink(path);
}

static JsonObject *load_record(const char *folder, const char *stream_id)
{
    g_autofree char *path = record_path(folder, stream_id);
    gsize size = 0;
    struct dub_error error = {0};
    g_autofree char *text = dub_file_read_text(path, RECORD_MAX_BYTES, &size, &error);
    if (text == NULL && error.code == DUB_ERROR_NOT_FOUND)
        return NULL;
    g_autoptr(JsonNode) node = text != NULL ? dub_json_parse(text, size, &error) : NULL;
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        return json_node_dup_object(node);
    dub_log(DUB_LOG_WARN, &(struct dub_log_context){.stream_id = stream_id}, "%s is ignored: %s", path,
            node == NULL ? error.message : "not a JSON object");
    return NULL;
}

void state_dir_save_stream(const struct state_dir *dir, const char *stream_id, JsonObject *take_record)
{
    save_record(dir->streams, stream_id, take_record);
}

void state_dir_remove_stream(const struct state_dir *dir, const char *stream_id)
{
    remove_record(dir->streams, stream_id);
}

JsonObject *state_dir_load_stream(const struct state_dir *dir, const char *stream_id)
{
    return load_record(dir->streams, stream_id);
}

void state_dir_save_stop(const struct state_dir *dir, const char *stream_id, JsonObject *take_record)
{
    save_record(dir->stopped, stream_id, take_record);
}

void state_dir_remove_stop(const struct state_dir *dir, const char *stream_id)
{
    remove_record(dir->stopped, stream_id);
}

JsonObject *state_dir_load_stop(const struct state_dir *dir, const char *stream_id)
{
    return load_record(dir->stopped, stream_id);
}

GPtrArray *state_dir_list_stops(const struct state_dir *dir)
{
    return list_ids(dir->stopped, ".json");
}
