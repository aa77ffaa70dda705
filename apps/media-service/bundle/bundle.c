/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bundle.h"

#include <dubbing_clock.h>
#include <dubbing_file.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_mailbox.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define LEDGER_READ_MAX_BYTES (64 << 20)

struct bundle_store {
    char *root;
    GMainContext *context; /* the thread's */
    GMainLoop *loop;
    GThread *thread;
    struct dub_mailbox *jobs; /* struct job *; NULL: end */
};

/* What the writer is asked to do: a file to write, or without a path, to clean up. */
struct job {
    char *path;
    char *text;
    struct retention retention;
    char **keep;
};

struct bundle {
    struct bundle_store *store;
    char *stream_id, *run_id;
    char *folder;
    int ledger_fd; /* -1: not open */
    bool failed;   /* said once */
};

static struct job *new_job(char *take_path, char *take_text)
{
    struct job *job = g_new(struct job, 1);
    *job = (struct job){.path = take_path, .text = take_text};
    return job;
}

static void free_job(void *data)
{
    struct job *job = data;
    if (job == NULL)
        return;
    g_strfreev(job->keep);
    g_free(job->path);
    g_free(job->text);
    g_free(job);
}

static void run_job(void *data, void *user)
{
    const struct bundle_store *store = user;
    struct job *job = data;
    struct dub_error error;
    if (job == NULL) {
        g_main_loop_quit(store->loop);
        return;
    }
    if (job->path == NULL)
        retention_clean(store->root, &job->retention, dub_wall_time_ms(), (const char *const *)job->keep);
    else if (!dub_file_write_atomic(job->path, job->text, strlen(job->text), &error))
        dub_log_warn("a run bundle is incomplete: %s; the stream goes on", error.message);
    free_job(job);
}

static void *run_thread(void *user)
{
    const struct bundle_store *store = user;
    g_main_loop_run(store->loop);
    return NULL;
}

/* There is always room: a job is a rare and small thing. */
static void post(struct bundle_store *store, struct job *take_job)
{
    if (!dub_mailbox_post_control(store->jobs, take_job))
        free_job(take_job);
}

struct bundle_store *bundle_store_new(const char *root)
{
    struct bundle_store *store = g_new0(struct bundle_store, 1);
    store->root = g_strdup(root);
    store->context = g_main_context_new();
    store->loop = g_main_loop_new(store->context, FALSE);
    store->jobs = dub_mailbox_new(store->context, 0, run_job, free_job, store);
    store->thread = g_thread_new("bundles", run_thread, store);
    return store;
}

static struct job *new_clean_job(const struct retention *retention, const char *const *keep)
{
    struct job *job = g_new(struct job, 1);
    *job = (struct job){.retention = *retention, .keep = g_strdupv((char **)keep)};
    return job;
}

void bundle_store_clean(struct bundle_store *store, const struct retention *retention,
                        const char *const *keep)
{
    post(store, new_clean_job(retention, keep));
}

void bundle_store_free(struct bundle_store *store)
{
    if (store == NULL)
        return;
    post(store, NULL);
    g_thread_join(store->thread);
    dub_mailbox_free(store->jobs);
    g_main_loop_unref(store->loop);
    g_main_context_unref(store->context);
    g_free(store->root);
    g_free(store);
}

static void say_failed(struct bundle *bundle, const char *message)
{
    struct dub_log_context context = {.stream_id = bundle->stream_id, .run_id = bundle->run_id};
    if (!bundle->failed)
        dub_log(DUB_LOG_WARN, &context, "the run bundle is incomplete: %s; the stream goes on", message);
    bundle->failed = true;
}

static char *path_in(const struct bundle *bundle, const char *name)
{
    return g_build_filename(bundle->folder, name, NULL);
}

/* A crash may have cut the last line: the next one must not be glued to it. */
static void end_last_line(int fd)
{
    char last;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n' && write(fd, "\n", 1) != 1)
        return;
}

static void open_ledger(struct bundle *bundle)
{
    g_autofree char *path = path_in(bundle, "ledger.ndjson");
    bundle->ledger_fd = g_open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (bundle->ledger_fd >= 0) {
        end_last_line(bundle->ledger_fd);
        return;
    }
    struct dub_error error;
    dub_error_set_errno(&error, DUB_ERROR_IO, errno, "cannot open %s", path);
    say_failed(bundle, error.message);
}

struct bundle *bundle_open(struct bundle_store *store, const char *stream_id, const char *run_id)
{
    struct bundle *bundle = g_new0(struct bundle, 1);
    struct dub_error error;
    bundle->store = store;
    bundle->stream_id = g_strdup(stream_id);
    bundle->run_id = g_strdup(run_id);
    bundle->folder = g_build_filename(store->root, run_id, NULL);
    bundle->ledger_fd = -1;
    if (dub_dir_ensure(bundle->folder, &error))
        open_ledger(bundle);
    else
        say_failed(bundle, error.message);
    return bundle;
}

void bundle_close(struct bundle *bundle)
{
    if (bundle == NULL)
        return;
    if (bundle->ledger_fd >= 0)
        close(bundle->ledger_fd);
    g_free(bundle->stream_id);
    g_free(bundle->run_id);
    g_free(bundle->folder);
    g_free(bundle);
}

void bundle_write_manifest(struct bundle *bundle, JsonObject *take_manifest)
{
    json_object_set_string_member(take_manifest, "streamId", bundle->stream_id);
    json_object_set_string_member(take_manifest, "runId", bundle->run_id);
    g_autofree char *text = dub_json_object_to_string_take(take_manifest);
    /* The folder could not be made: said then. */
    if (bundle->failed)
        return;
    post(bundle->store, new_job(path_in(bundle, "manifest.json"), g_steal_pointer(&text)));
}

void bundle_append_line(struct bundle *bundle, const char *line)
{
    struct dub_error error;
    if (bundle->ledger_fd < 0)
        return;
    /* One write of a line with its newline: whole or not there, as far as O_APPEND promises. */
    g_autofree char *whole = g_strconcat(line, "\n", NULL);
    errno = ENOSPC;
    if (write(bundle->ledger_fd, whole, strlen(whole)) == (ssize_t)strlen(whole))
        return;
    dub_error_set_errno(&error, DUB_ERROR_IO, errno, "cannot write the ledger in %s", bundle->folder);
    say_failed(bundle, error.message);
}

void bundle_read_lines(struct bundle *bundle, unsigned max_lines,
                       void (*on_line)(const char *line, void *user), void *user)
{
    g_autofree char *path = path_in(bundle, "ledger.ndjson");
    g_autofree char *text = NULL;
    GStatBuf info;
    if (g_stat(path, &info) != 0 || info.st_size > LEDGER_READ_MAX_BYTES ||
        !g_file_get_contents(path, &text, NULL, NULL))
        return;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint n = g_strv_length(lines);
    for (guint i = n > max_lines ? n - max_lines : 0; i < n; i++)
        if (*lines[i] != '\0')
            on_line(lines[i], user);
}
