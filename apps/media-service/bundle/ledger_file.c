/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger_file.h"

#include <dubbing_file.h>
#include <dubbing_json.h>
#include <dubbing_ledger.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAX_BYTES (64 << 10) /* longer than any line */

G_STATIC_ASSERT(G_N_ELEMENTS(((struct ledger_counts *)0)->states) >= DUB_PHRASE_STATE_COUNT);

void ledger_file_init(struct ledger_file *file, const char *path)
{
    *file = (struct ledger_file){.path = g_strdup(path), .fd = -1, .pending = g_string_new(NULL)};
}

void ledger_file_clear(struct ledger_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->pending != NULL)
        g_string_free(file->pending, TRUE);
    g_free(file->path);
    *file = (struct ledger_file){.fd = -1};
}

void ledger_file_add(struct ledger_file *file, const char *line)
{
    if (file->pending->len + strlen(line) >= LEDGER_FILE_PENDING_MAX_BYTES) {
        file->lost++;
        return;
    }
    g_string_append(file->pending, line);
    g_string_append_c(file->pending, '\n');
}

/* The worker tells its latest phrases again to whoever comes, so that a line that was cut is not lost. */
static void cut_last_line(int fd)
{
    char tail[TAIL_MAX_BYTES];
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = MAX(size - TAIL_MAX_BYTES, 0);
    ssize_t n = size > 0 ? pread(fd, tail, (size_t)(size - from), from) : 0;
    ssize_t keep = n;
    while (keep > 0 && tail[keep - 1] != '\n')
        keep--;
    if (keep < n)
        (void)!ftruncate(fd, from + keep);
}

static bool open_file(struct ledger_file *file, struct dub_error *error)
{
    file->fd = g_open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (file->fd < 0)
        return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot open %s", file->path);
    file->locked = false;
    cut_last_line(file->fd);
    return true;
}

/* A disk that fills up takes a part: that part is taken back. */
static bool write_pending(struct ledger_file *file)
{
    off_t before = lseek(file->fd, 0, SEEK_END);
    ssize_t written = 0;
    do
        written = write(file->fd, file->pending->str, file->pending->len);
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)file->pending->len)
        return true;
    int errnum = written < 0 ? errno : ENOSPC;
    if (written > 0 && ftruncate(file->fd, before) != 0)
        errnum = errno;
    errno = errnum;
    return false;
}

/* A person may clear away the folder of a run that goes on. */
static void close_if_removed(struct ledger_file *file)
{
    struct stat info;
    if (file->fd < 0 || (fstat(file->fd, &info) == 0 && info.st_nlink > 0))
        return;
    close(file->fd);
    file->fd = -1;
}

bool ledger_file_flush(struct ledger_file *file, struct dub_error *error)
{
    close_if_removed(file);
    if (file->fd < 0 && !open_file(file, error))
        return false;
    /* Where another media-service has the run the line is still worth keeping. */
    file->locked = file->locked || flock(file->fd, LOCK_EX | LOCK_NB) == 0;
    if (file->pending->len == 0)
        return true;
    if (!write_pending(file))
        return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot write %s", file->path);
    g_string_truncate(file->pending, 0);
    file->dirty = true;
    return true;
}

void ledger_file_sync(struct ledger_file *file)
{
    if (file->fd >= 0 && file->dirty)
        (void)!fdatasync(file->fd);
    file->dirty = false;
}

static bool count_line(const char *text, size_t size, struct ledger_counts *counts)
{
    struct dub_ledger_line line = {0};
    struct dub_error error;
    g_autoptr(JsonNode) node = dub_json_parse(text, size, &error);
    bool good = node != NULL && dub_ledger_line_read(&line, node, &error);
    if (good) {
        counts->states[line.state]++;
        counts->lines++;
    } else {
        counts->bad++;
    }
    dub_ledger_line_clear(&line);
    return good;
}

/* The good lines, or NULL where nothing else is there. */
static char *sort_out(const char *text, size_t size, struct ledger_counts *counts)
{
    GString *good = g_string_sized_new(size + 1);
    bool changed = false;
    for (const char *line = text; line < text + size;) {
        const char *end = memchr(line, '\n', (size_t)(text + size - line));
        size_t length = (size_t)((end != NULL ? end : text + size) - line);
        bool keep = length > 0 && count_line(line, length, counts);
        changed |= !keep || end == NULL;
        if (keep)
            g_string_append_c(g_string_append_len(good, line, (gssize)length), '\n');
        line += length + 1;
    }
    return g_string_free(good, !changed);
}

bool ledger_file_repair(const char *path, struct ledger_counts *counts, struct dub_error *error)
{
    g_autoptr(GError) problem = NULL;
    *counts = (struct ledger_counts){0};
    g_autoptr(GMappedFile) mapped = g_mapped_file_new(path, FALSE, &problem);
    if (mapped == NULL && g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return true;
    if (mapped == NULL)
        return dub_error_set(error, DUB_ERROR_IO, "cannot read %s: %s", path, problem->message);
    g_autofree char *good =
        sort_out(g_mapped_file_get_contents(mapped), g_mapped_file_get_length(mapped), counts);
    return good == NULL || dub_file_write_atomic(path, good, strlen(good), error);
}
