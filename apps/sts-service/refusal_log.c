/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "refusal_log.h"

#include <dubbing_clock.h>

bool refusal_log_allows(struct refusal_log *log, int64_t now_ns, unsigned *n_left_out)
{
    if (log->n_said == 0 || now_ns - log->window_ns >= REFUSAL_LOG_WINDOW_MS * DUB_NS_PER_MS) {
        log->window_ns = now_ns;
        log->n_said = 0;
    }
    if (log->n_said == REFUSAL_LOG_LINES) {
        log->n_left_out++;
        return false;
    }
    log->n_said++;
    *n_left_out = log->n_left_out;
    log->n_left_out = 0;
    return true;
}

static void say_left_out(unsigned n, const struct dub_log_context *context)
{
    if (n > 0)
        dub_log(DUB_LOG_WARN, context, "%u more refusals were not logged", n);
}

void refusal_log_write(struct refusal_log *log, int64_t now_ns, const struct dub_log_context *context,
                       const char *format, ...)
{
    unsigned n_left_out = 0;
    if (!refusal_log_allows(log, now_ns, &n_left_out))
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    say_left_out(n_left_out, context);
    dub_log(DUB_LOG_WARN, context, "%s", text);
}

void refusal_log_close(struct refusal_log *log, const struct dub_log_context *context)
{
    say_left_out(log->n_left_out, context);
    log->n_left_out = 0;
}
