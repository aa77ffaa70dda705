/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Atomic files, directories and secrets; the border to the file system. */
#include <dubbing_file.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX_BYTES 4096

static bool write_all(int fd, const char *data, gsize size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        size -= (gsize)n;
    }
    return true;
}

void dub_dir_sync(const char *path)
{
    int fd = g_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* Without this the rename itself could be lost in a power failure. */
static void sync_directory_of(const char *path)
{
    g_autofree char *directory = g_path_get_dirname(path);
    dub_dir_sync(directory);
}

static bool write_and_close(int fd, const void *data, gsize size, bool sync)
{
    bool written = write_all(fd, data, size) && (!sync || fsync(fd) == 0);
    int saved = errno;
    bool closed = close(fd) == 0;
    if (!written)
        errno = saved;
    return written && closed;
}

static bool replace(const char *path, const void *data, gsize size, bool sync, struct dub_error *error)
{
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
    int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0640);
    if (fd < 0)
        return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot create a file beside %s", path);
    if (!write_and_close(fd, data, size, sync) || g_rename(temporary, path) != 0) {
        int errnum = errno;
        (void)g_unlink(temporary);
        return dub_error_set_errno(error, DUB_ERROR_IO, errnum, "cannot write %s", path);
    }
    if (sync)
        sync_directory_of(path);
    return true;
}

bool dub_file_write_atomic(const char *path, const void *data, gsize size, struct dub_error *error)
{
    return replace(path, data, size, true, error);
}

bool dub_file_replace(const char *path, const void *data, gsize size, struct dub_error *error)
{
    return replace(path, data, size, false, error);
}

/* At most max_bytes, though the file may have grown since it was looked at. */
static char *read_regular(int fd, const char *path, gsize max_bytes, gsize *size, struct dub_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        dub_error_set(error, DUB_ERROR_IO, "%s is not a file", path);
        return NULL;
    }
    if ((guint64)info.st_size > max_bytes) {
        dub_error_set(error, DUB_ERROR_LIMIT, "%s is larger than %" G_GSIZE_FORMAT " bytes", path, max_bytes);
        return NULL;
    }
    gsize room = (gsize)info.st_size;
    g_autofree char *text = g_malloc(room + 1);
    *size = 0;
    for (ssize_t n = 1; n > 0 && *size < room;) {
        n = read(fd, text + *size, room - *size);
        if (n < 0) {
            dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot read %s", path);
            return NULL;
        }
        *size += (gsize)n;
    }
    text[*size] = '\0';
    return g_steal_pointer(&text);
}

char *dub_file_read_text(const char *path, gsize max_bytes, gsize *size, struct dub_error *error)
{
    int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0) {
        dub_error_set_errno(error, errno == ENOENT ? DUB_ERROR_NOT_FOUND : DUB_ERROR_IO, errno,
                            "cannot read %s", path);
        return NULL;
    }
    char *text = read_regular(fd, path, max_bytes, size, error);
    close(fd);
    return text;
}

bool dub_dir_ensure(const char *path, struct dub_error *error)
{
    if (g_mkdir_with_parents(path, 0750) == 0)
        return true;
    return dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot make the directory %s", path);
}

char *dub_file_read_secret(const char *path, struct dub_error *error)
{
    char buffer[SECRET_MAX_BYTES + 1];
    FILE *file = g_fopen(path, "re");
    if (file == NULL) {
        dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot read %s", path);
        return NULL;
    }
    size_t size = fread(buffer, 1, sizeof(buffer), file);
    int errnum = ferror(file) != 0 ? errno : 0;
    fclose(file);
    if (errnum != 0) {
        dub_error_set_errno(error, DUB_ERROR_IO, errnum, "cannot read %s", path);
        return NULL;
    }
    size_t length = 0;
    while (length < size && strchr("\r\n", buffer[length]) == NULL)
        length++;
    if (length > SECRET_MAX_BYTES) {
        dub_error_set(error, DUB_ERROR_LIMIT, "%s: the first line is longer than %d bytes", path,
                      SECRET_MAX_BYTES);
        return NULL;
    }
    return g_strndup(buffer, length);
}

/* The process id that the holder wrote into its lock file; 0 when it cannot be told. */
static gint64 holder_of(int fd)
{
    char text[24] = "";
    return pread(fd, text, sizeof(text) - 1, 0) > 0 ? g_ascii_strtoll(text, NULL, 10) : 0;
}

static void write_holder(int fd)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    if (ftruncate(fd, 0) == 0)
        (void)write_all(fd, text, strlen(text));
}

int dub_file_lock(const char *path, struct dub_error *error)
{
    int fd = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot open the lock file %s", path);
        return -1;
    }
    /* flock and not fcntl: the lock belongs to this descriptor, whatever else in the process opens the file.
     */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        write_holder(fd);
        return fd;
    }
    if (errno == EWOULDBLOCK)
        dub_error_set(error, DUB_ERROR_UNAVAILABLE, "%s is locked by process %" G_GINT64_FORMAT, path,
                      holder_of(fd));
    else
        dub_error_set_errno(error, DUB_ERROR_IO, errno, "cannot lock %s", path);
    close(fd);
    return -1;
}

void dub_file_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}
