/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log_file.h"

#include <dubbing_clock.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void log_file_init(struct log_file *file, const char *path, int64_t max_bytes, int max_files)
{
    *file = (struct log_file){
        .path = g_strdup(path), .fd = -1, .max_bytes = max_bytes, .max_files = MAX(max_files, 1)};
}

static void close_file(struct log_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

void log_file_clear(struct log_file *file)
{
    close_file(file);
    g_free(file->path);
    *file = (struct log_file){.fd = -1};
}

static void open_file(struct log_file *file)
{
    g_autofree char *dir = g_path_get_dirname(file->path);
    file->fd = g_open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (file->fd < 0 && errno == ENOENT && g_mkdir_with_parents(dir, 0750) == 0)
        file->fd = g_open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

/* What a full disk or a crash has cut must not be glued to the next line. Only looked at when there may be
 * such a thing: while another process writes, half a line of it may be seen. */
static bool ends_in_a_line(const struct log_file *file, int64_t size)
{
    char last = '\n';
    return !file->unsure || size == 0 || pread(file->fd, &last, 1, size - 1) != 1 || last == '\n';
}

/* Whether the file that we hold is still the one with the name: another process may have renamed it, a person
 * removed it. */
static bool is_current(const struct log_file *file, int64_t *size)
{
    struct stat ours, named;
    if (fstat(file->fd, &ours) != 0 || stat(file->path, &named) != 0)
        return false;
    *size = ours.st_size;
    return ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static char *numbered(const struct log_file *file, int number)
{
    return number > 0 ? g_strdup_printf("%s.%d", file->path, number) : g_strdup(file->path);
}

/* How many there are in a row, the one without a number included. */
static int count_files(const struct log_file *file)
{
    int n = 1;
    for (bool exists = true; exists && n < file->max_files; n += exists) {
        g_autofree char *path = numbered(file, n);
        exists = g_file_test(path, G_FILE_TEST_EXISTS);
    }
    return n;
}

/* log -> log.1 -> log.2 ...; what would be number max_files falls off the end. */
static bool move_up(const struct log_file *file)
{
    bool moved = file->max_files > 1;
    for (int i = MIN(count_files(file), file->max_files - 1); i >= 1; i--) {
        g_autofree char *to = numbered(file, i);
        g_autofree char *from = numbered(file, i - 1);
        moved = g_rename(from, to) == 0;
    }
    return moved;
}

/* Left from a time when more were kept. */
static void remove_surplus(const struct log_file *file)
{
    bool removed = true;
    for (int i = file->max_files; removed; i++) {
        g_autofree char *path = numbered(file, i);
        removed = g_unlink(path) == 0;
    }
}

/* Without the lock somebody else is at it, and the line goes where it would have gone before: rather a file
 * that is larger for a moment than a program that waits for another. */
static void rotate(struct log_file *file)
{
    int64_t size = 0;
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return;
    /* One file that is begun anew, or a folder in which nothing may be renamed. */
    if (is_current(file, &size) && !move_up(file))
        (void)!ftruncate(file->fd, 0);
    remove_surplus(file);
    close_file(file);
}

static bool write_whole(int fd, const char *line, size_t size)
{
    ssize_t written = 0;
    do
        written = write(fd, line, size);
    while (written < 0 && errno == EINTR);
    if (written >= 0 && written < (ssize_t)size)
        errno = ENOSPC;
    return written == (ssize_t)size;
}

/* The file that has the name now, whoever made it. */
static bool take_current(struct log_file *file, int64_t *size)
{
    if (file->fd >= 0 && is_current(file, size))
        return true;
    close_file(file);
    open_file(file);
    file->unsure = true;
    /* Renamed again meanwhile it is as good: the line is kept. */
    if (file->fd >= 0)
        (void)is_current(file, size);
    return file->fd >= 0;
}

static bool append(struct log_file *file, const char *line, size_t size)
{
    int64_t present = 0;
    if (!take_current(file, &present))
        return false;
    if (present > 0 && present + (int64_t)size > file->max_bytes) {
        rotate(file);
        if (!take_current(file, &present))
            return false;
    }
    g_autofree char *apart = ends_in_a_line(file, present) ? NULL : g_strconcat("\n", line, NULL);
    return write_whole(file->fd, apart != NULL ? apart : line, size + (apart != NULL));
}

enum log_file_news log_file_append(struct log_file *file, const char *line, size_t size)
{
    if (file->path == NULL)
        return LOG_FILE_NO_NEWS;
    bool before = file->failed;
    bool written = append(file, line, size);
    file->errnum = written ? 0 : errno;
    file->failed = file->unsure = !written;
    if (!before)
        file->missing = 0;
    file->missing += !written;
    if (before == file->failed)
        return LOG_FILE_NO_NEWS;
    return written ? LOG_FILE_AGAIN : LOG_FILE_FAILED;
}

/* prefix*.log or prefix*.log.N */
static bool is_log_name(const char *name, const char *prefix)
{
    const char *suffix = g_strrstr(name, ".log");
    if (!g_str_has_prefix(name, prefix) || suffix == NULL)
        return false;
    suffix += strlen(".log");
    return *suffix == '\0' ||
           (*suffix == '.' && suffix[1] != '\0' && strspn(suffix + 1, "0123456789") == strlen(suffix + 1));
}

void log_file_remove_old(const char *dir, const char *prefix, int64_t max_age_s)
{
    int64_t now_s = dub_wall_time_ms() / 1000;
    GDir *listing = g_dir_open(dir, 0, NULL);
    for (const char *name; listing != NULL && (name = g_dir_read_name(listing)) != NULL;) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        GStatBuf info;
        if (is_log_name(name, prefix) && g_lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
            now_s - info.st_mtime > max_age_s)
            (void)g_unlink(path);
    }
    if (listing != NULL)
        g_dir_close(listing);
}
