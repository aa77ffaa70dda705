/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets in the file system at paths of any length. An address of AF_UNIX holds 107 bytes; a longer path is
 * reached by its folder, opened and named through /proc/self/fd (unix(7), proc(5)). */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>
#include <sys/un.h>

struct dub_socket_path {
    struct sockaddr_un address; /* for bind and connect, until dub_socket_path_clear */
    int folder_fd;              /* -1: none was needed */
};

/* False with NOT_FOUND or IO when the folder cannot be opened, LIMIT when even the name in it is too long.
 * Nothing needs to be cleared then. */
bool dub_socket_path_init(struct dub_socket_path *socket_path, const char *path, struct dub_error *error);
void dub_socket_path_clear(struct dub_socket_path *socket_path);
