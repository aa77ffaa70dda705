/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that are whole or not there, and directories made on the way. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>

/* Temporary file in the same directory, write, fsync, rename, fsync of the directory. */
bool dub_file_write_atomic(const char *path, const void *data, gsize size, struct dub_error *error);
/* The same without fsync: whole for every reader and after the program's end, but not after a power failure.
 * Does not wait for the disk. */
bool dub_file_replace(const char *path, const void *data, gsize size, struct dub_error *error);
/* The text of a regular file, NUL-terminated and owned by the caller; *size is its length. NULL with
 * NOT_FOUND when there is none, LIMIT when it is larger than max_bytes, of which nothing is read then, IO
 * otherwise. Does not wait for the writer of a pipe that stands there instead. */
char *dub_file_read_text(const char *path, gsize max_bytes, gsize *size, struct dub_error *error);
/* mkdir -p with mode 0750. */
bool dub_dir_ensure(const char *path, struct dub_error *error);
/* What was made in the directory, or renamed, is there after a power failure. Best effort: some file systems
 * refuse it. */
void dub_dir_sync(const char *path);
/* A secret from a file: its first line without the newline, at most 4 KiB. Owned by the caller. */
char *dub_file_read_secret(const char *path, struct dub_error *error);
/* An exclusive lock on path (created), held until the process ends or dub_file_unlock. -1 with error when
 * another process holds it; the message says which process id wrote itself into it. */
int dub_file_lock(const char *path, struct dub_error *error);
void dub_file_unlock(int fd);
