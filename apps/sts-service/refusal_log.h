/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is refused is worth a line in the log each, until somebody sends nothing but what has to be refused:
 * then some lines say what it is, and the rest is counted. One per connection; one for all HTTP requests. */
#pragma once

#include <dubbing_log.h>

/* So many lines in so long a time, then only their number. */
#define REFUSAL_LOG_LINES 10
#define REFUSAL_LOG_WINDOW_MS 10000

/* Zeroed memory is a log that has said nothing. */
struct refusal_log {
    int64_t window_ns;   /* when the current window began */
    unsigned n_said;     /* in it */
    unsigned n_left_out; /* since the last line that was written */
};

/* Whether one more may be written now. Then *n_left_out is how many were not before it. Pure. */
bool refusal_log_allows(struct refusal_log *log, int64_t now_ns, unsigned *n_left_out);
/* Writes a warning if it may. now_ns: of any monotonic clock, always the same one. */
void refusal_log_write(struct refusal_log *log, int64_t now_ns, const struct dub_log_context *context,
                       const char *format, ...) G_GNUC_PRINTF(4, 5);
/* At the end: says how many were left out, if any. */
void refusal_log_close(struct refusal_log *log, const struct dub_log_context *context);
