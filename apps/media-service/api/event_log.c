/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event_log.h"

#include <string.h>

struct event_log {
    int64_t began_ms;
    uint64_t last; /* the number of the newest event; 0: none yet */
    GQueue events; /* GBytes, the oldest first */
    gsize n_bytes;
};

struct event_log *event_log_new(int64_t began_ms)
{
    struct event_log *log = g_new0(struct event_log, 1);
    log->began_ms = began_ms;
    g_queue_init(&log->events);
    return log;
}

void event_log_free(struct event_log *log)
{
    if (log == NULL)
        return;
    g_queue_clear_full(&log->events, (GDestroyNotify)g_bytes_unref);
    g_free(log);
}

static bool is_full(const struct event_log *log)
{
    return log->events.length > EVENT_LOG_MAX_EVENTS || log->n_bytes > EVENT_LOG_MAX_BYTES;
}

/* The newest stays, however large it is: it is about to be sent. */
static void forget_old_events(struct event_log *log)
{
    while (is_full(log) && log->events.length > 1) {
        g_autoptr(GBytes) oldest = g_queue_pop_head(&log->events);
        log->n_bytes -= g_bytes_get_size(oldest);
    }
}

GBytes *event_log_add(struct event_log *log, const char *name, const char *data)
{
    char *text = g_strdup_printf("id: %" G_GINT64_FORMAT "-%" G_GUINT64_FORMAT "\nevent: %s\ndata: %s\n\n",
                                 log->began_ms, ++log->last, name, data);
    GBytes *event = g_bytes_new_take(text, strlen(text));
    g_queue_push_tail(&log->events, event);
    log->n_bytes += g_bytes_get_size(event);
    forget_old_events(log);
    return event;
}

/* The number in an id of this log; false when it is not one that was given out. */
static bool read_id(const struct event_log *log, const char *id, uint64_t *number)
{
    g_autofree char *prefix = g_strdup_printf("%" G_GINT64_FORMAT "-", log->began_ms);
    guint64 value = 0;
    if (!g_str_has_prefix(id, prefix) ||
        !g_ascii_string_to_unsigned(id + strlen(prefix), 10, 1, log->last, &value, NULL))
        return false;
    *number = value;
    return true;
}

bool event_log_list_after(const struct event_log *log, const char *last_id, GPtrArray *events)
{
    uint64_t number;
    if (log->last == 0 || !read_id(log, last_id, &number))
        return false;
    uint64_t n_missed = log->last - number;
    if (n_missed > log->events.length)
        return false;
    for (GList *link = g_queue_peek_nth_link((GQueue *)&log->events, (guint)(log->events.length - n_missed));
         link != NULL; link = link->next)
        g_ptr_array_add(events, g_bytes_ref(link->data));
    return true;
}
