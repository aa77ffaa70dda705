/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_socket_path.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool take_text(struct dub_socket_path *socket_path, const char *text)
{
    if (strlen(text) >= sizeof(socket_path->address.sun_path))
        return false;
    memcpy(socket_path->address.sun_path, text, strlen(text) + 1);
    return true;
}

bool dub_socket_path_init(struct dub_socket_path *socket_path, const char *path, struct dub_error *error)
{
    *socket_path = (struct dub_socket_path){.address = {.sun_family = AF_UNIX}, .folder_fd = -1};
    if (take_text(socket_path, path))
        return true;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    socket_path->folder_fd = g_open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (socket_path->folder_fd < 0)
        return dub_error_set_errno(error, errno == ENOENT ? DUB_ERROR_NOT_FOUND : DUB_ERROR_IO, errno,
                                   "cannot use the folder %s", folder);
    g_autofree char *text = g_strdup_printf("/proc/self/fd/%d/%s", socket_path->folder_fd, name);
    if (take_text(socket_path, text))
        return true;
    dub_socket_path_clear(socket_path);
    return dub_error_set(error, DUB_ERROR_LIMIT, "the name %s is too long for a socket", name);
}

void dub_socket_path_clear(struct dub_socket_path *socket_path)
{
    if (socket_path->folder_fd >= 0)
        close(socket_path->folder_fd);
    socket_path->folder_fd = -1;
}
