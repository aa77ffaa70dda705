/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a command of a path says, in the log: every line with the path and the hook's name, and with the
 * stream's id where the path is one of a stream. A command that never stops talking gets a part of the log,
 * not all of it. Private to hooks.c. */
#pragma once

#include <dubbing_log.h>
#include <stdint.h>

#define HOOK_OUTPUT_BURST 200     /* lines at once */
#define HOOK_OUTPUT_PER_SECOND 20 /* and later */

struct hook_output {
    char *label;       /* "path live/demo/in: runOnReady" */
    char *stream_id;   /* NULL: the path is none of a stream's */
    double allowance;  /* lines that may be logged now */
    int64_t filled_ns; /* when the allowance was last filled up */
    uint64_t left_out; /* lines since the last one that was logged */
};

void hook_output_init(struct hook_output *output, const char *name, const char *path);
void hook_output_clear(struct hook_output *output);

/* Whether a line may be logged at now_ns (any monotonic clock); counts those that may not. */
bool hook_output_admit(struct hook_output *output, int64_t now_ns);
/* A line of the command's output. */
void hook_output_line(struct hook_output *output, const char *line, int64_t now_ns);
/* Says what has been left out, if anything; at the command's end. */
void hook_output_flush(struct hook_output *output);
/* A line about the command. */
void hook_output_say(const struct hook_output *output, enum dub_log_level level, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
