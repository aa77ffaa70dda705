/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structured logging: one JSON object per line on stderr (plain text on a terminal), copied to a rotated
 * file.
 *
 * Built on GLib's structured log, so that messages of GLib, GStreamer and libsoup end up in the same place.
 * Per phrase yes, per frame never; never secrets, never audio. Any thread.
 *
 * No call waits for whoever reads stderr: where a pipe or a terminal has no room, lines are left out of it
 * (not out of the file), and once there is room again the log says how many. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum dub_log_level { DUB_LOG_DEBUG, DUB_LOG_INFO, DUB_LOG_WARN, DUB_LOG_ERROR };

/* What a line is about beyond the process itself; any member may be NULL. Borrowed for the call. */
struct dub_log_context {
    const char *stream_id;
    const char *run_id;
    const char *fragment_id;
    const char *session_id; /* of the sts-service: one per stream:init */
    const char *worker_id;
};

struct dub_log_config {
    const char *component;   /* "media-worker" */
    const char *instance_id; /* NULL: made up */
    const char *stream_id;   /* process-wide; NULL where a process serves many streams */
    const char *run_id;      /* likewise */
    const char *level;       /* "debug", "info", "warn", "error" */
    const char *format;      /* "json", "text", "auto": text when stderr is a terminal */
    const char *dir;         /* NULL or "": stderr only. Appends to dir/component[-stream_id].log, which other
                                processes may write too */
    int64_t max_bytes;       /* a file that would grow beyond is rotated to .1, .2, ...; 0: never */
    int max_files;           /* files kept, the current one included */
};

/* Once, from main, before other threads. Copies what it needs. A log directory that cannot be written is said
 * once on stderr, and once when it can be written again, and is not a failure. With a stream_id, logs of
 * other streams of the component that nobody has written for a week are removed. */
void dub_log_init(const struct dub_log_config *config);
/* What the log lines carry as instanceId, also where it was made up. Borrowed until dub_log_clear; NULL
 * before dub_log_init. */
const char *dub_log_instance_id(void);
/* Flushes and forgets; for tests and the end of main. */
void dub_log_clear(void);

/* context may be NULL. The message is cut at 4 KiB; control characters are escaped. */
void dub_log(enum dub_log_level level, const struct dub_log_context *context, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* A line that a child process wrote: a log line of ours (JSON) goes to stderr as it is, for the child keeps
 * its own file; anything else, such as a library's last words, becomes a warning in the context, URLs in it
 * masked. */
void dub_log_forward(const struct dub_log_context *context, const char *line);

#define dub_log_debug(...) dub_log(DUB_LOG_DEBUG, NULL, __VA_ARGS__)
#define dub_log_info(...) dub_log(DUB_LOG_INFO, NULL, __VA_ARGS__)
#define dub_log_warn(...) dub_log(DUB_LOG_WARN, NULL, __VA_ARGS__)
#define dub_log_error(...) dub_log(DUB_LOG_ERROR, NULL, __VA_ARGS__)
