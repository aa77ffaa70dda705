/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the log: a file that lines are appended to, rotated by size, bounded in number.
 *
 * Several processes may write the same file. Each line is one write in append mode; before each, a process
 * looks whether the file under the name is still the one it holds, and only who holds its lock renames. One
 * thread at a time. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct log_file {
    char *path; /* NULL: no file */
    int fd;     /* -1: none */
    int64_t max_bytes;
    int max_files;
    bool unsure;     /* the last line in the file may be cut */
    bool failed;     /* the last line could not be written */
    int errnum;      /* why, while failed */
    int64_t missing; /* lines since it failed */
};

enum log_file_news {
    LOG_FILE_NO_NEWS,
    LOG_FILE_FAILED, /* it could be written before */
    LOG_FILE_AGAIN,  /* and now it can be written again; missing says how many lines are not there */
};

void log_file_init(struct log_file *file, const char *path, int64_t max_bytes, int max_files);
void log_file_clear(struct log_file *file);
/* line with its end of line. What cannot be written is counted, and the next line tries again. */
enum log_file_news log_file_append(struct log_file *file, const char *line, size_t size);

/* Removes the logs in dir called prefix*.log and prefix*.log.N that nobody has written for max_age_s. */
void log_file_remove_old(const char *dir, const char *prefix, int64_t max_age_s);
