/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run_files.h"

#include "run_folder.h"
#include "seal.h"

#include <dubbing_file.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

void disk_health_init(struct disk_health *health, const char *root)
{
    *health = (struct disk_health){.root = g_strdup(root)};
    pthread_mutex_init(&health->lock, NULL);
}

void disk_health_clear(struct disk_health *health)
{
    pthread_mutex_destroy(&health->lock);
    g_free(health->root);
}

bool disk_health_is_stuck(struct disk_health *health)
{
    pthread_mutex_lock(&health->lock);
    bool stuck = health->n_stuck > 0;
    pthread_mutex_unlock(&health->lock);
    return stuck;
}

static unsigned count_stuck(struct disk_health *health, bool stuck)
{
    pthread_mutex_lock(&health->lock);
    health->n_stuck += stuck ? 1U : -1U;
    unsigned n = health->n_stuck;
    pthread_mutex_unlock(&health->lock);
    return n;
}

static void note_outcome(struct run_files *files, bool written, const struct dub_error *error)
{
    struct dub_log_context context = {.stream_id = *files->stream_id != '\0' ? files->stream_id : NULL,
                                      .run_id = files->run_id};
    if (files->stuck == !written)
        return;
    files->stuck = !written;
    unsigned n_stuck = count_stuck(files->health, files->stuck);
    if (!written && n_stuck == 1)
        dub_log(DUB_LOG_WARN, &context, "run bundles cannot be written to %s: %s; the streams go on",
                files->health->root, error->message);
    if (written && n_stuck == 0)
        dub_log_info("run bundles are written to %s again", files->health->root);
}

struct run_files *run_files_new(struct disk_health *health, const char *root, const char *stream_id,
                                const char *run_id)
{
    struct run_files *files = g_new0(struct run_files, 1);
    files->health = health;
    files->folder = g_build_filename(root, run_id, NULL);
    files->stream_id = g_strdup(stream_id);
    files->run_id = g_strdup(run_id);
    g_autofree char *path = g_build_filename(files->folder, RUN_LEDGER, NULL);
    ledger_file_init(&files->ledger, path);
    return files;
}

void run_files_free(struct run_files *files)
{
    if (files == NULL)
        return;
    if (files->stuck)
        count_stuck(files->health, false);
    ledger_file_clear(&files->ledger);
    g_clear_pointer(&files->facts, json_object_unref);
    g_free(files->manifest);
    g_free(files->folder);
    g_free(files->stream_id);
    g_free(files->run_id);
    g_free(files);
}

static bool write_manifest(struct run_files *files, struct dub_error *error)
{
    g_autofree char *path = g_build_filename(files->folder, RUN_MANIFEST, NULL);
    if (files->manifest == NULL)
        return true;
    /* Many runs may begin together, and their ledgers would have to wait for each other's disk. */
    if (!dub_file_replace(path, files->manifest, strlen(files->manifest), error))
        return false;
    g_clear_pointer(&files->manifest, g_free);
    files->unsynced = true;
    return true;
}

void run_files_sync(struct run_files *files)
{
    g_autofree char *path = g_build_filename(files->folder, RUN_MANIFEST, NULL);
    int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    files->unsynced = false;
    if (fd < 0)
        return;
    (void)!fsync(fd);
    close(fd);
    dub_dir_sync(files->folder);
    dub_dir_sync(files->health->root);
}

/* The one and the other: a disk may have room for a line and none for a manifest. */
static bool write_all(struct run_files *files, struct dub_error *error)
{
    struct dub_error second;
    if (!dub_dir_ensure(files->folder, error))
        return false;
    bool ledger = ledger_file_flush(&files->ledger, error);
    return write_manifest(files, ledger ? error : &second) && ledger;
}

void run_files_write(struct run_files *files)
{
    struct dub_error error = {0};
    bool written = write_all(files, &error);
    note_outcome(files, written, &error);
}

static bool seal_ended(struct run_files *files, const int *hurry, struct dub_error *error)
{
    if (!write_all(files, error))
        return false;
    uint64_t lost = files->ledger.lost + files->n_refused;
    if (lost > 0)
        json_object_set_int_member(files->facts, "ledgerLinesLost", (int64_t)lost);
    return seal_run(files->folder, files->facts, hurry, error);
}

bool run_files_seal(struct run_files *files, const int *hurry)
{
    struct dub_error error = {0};
    bool sealed =
        files->leftover ? seal_leftover(files->folder, hurry, &error) : seal_ended(files, hurry, &error);
    /* Who is in a hurry has nothing to complain about. */
    if (sealed || error.code != DUB_ERROR_CANCELLED)
        note_outcome(files, sealed, &error);
    return sealed;
}
