/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dest.h"

#include <dubbing_clock.h>
#include <dubbing_rtmp_link.h>

struct dest {
    struct dest_events events;
    void *user;
    struct rtmp_link *link;
    guint up_source;
    bool is_ready;    /* the server lets us publish */
    bool is_given;    /* something was pushed */
    bool is_up;       /* and something was taken */
    int64_t bytes;    /* taken since it is ready */
    int64_t since_ns; /* when something was taken last, or began to wait */
};

static int64_t now_ns(void)
{
    return dub_clock_now_ns(dub_clock_monotonic());
}

static void on_ready(void *user)
{
    struct dest *dest = user;
    dest->is_ready = true;
}

static gboolean on_up(gpointer data)
{
    struct dest *dest = data;
    dest->up_source = 0;
    dest->events.on_up(dest->user);
    return G_SOURCE_REMOVE;
}

/* The link writes: its owner is told afterwards, as he may free it. */
static void on_written(size_t bytes, void *user)
{
    struct dest *dest = user;
    dest->since_ns = now_ns();
    if (!dest->is_ready)
        return;
    dest->bytes += (int64_t)bytes;
    if (dest->is_up || !dest->is_given)
        return;
    dest->is_up = true;
    dest->up_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_up, dest, NULL);
}

static void on_ended(void *user)
{
    struct dest *dest = user;
    dest->events.on_finished(dest->user);
}

static void on_failed(const char *reason, void *user)
{
    struct dest *dest = user;
    dest->events.on_lost(reason, dest->user);
}

struct dest *dest_new(const char *url, const struct dest_events *events, void *user)
{
    static const struct rtmp_link_events link_events = {
        .on_ready = on_ready, .on_written = on_written, .on_ended = on_ended, .on_failed = on_failed};
    struct dest *dest = g_new0(struct dest, 1);
    dest->events = *events;
    dest->user = user;
    dest->since_ns = now_ns();
    dest->link = rtmp_link_new(NULL, url, RTMP_CLIENT_PUBLISHER, &link_events, dest, NULL);
    g_assert(dest->link != NULL);
    return dest;
}

void dest_free(struct dest *dest)
{
    if (!dest)
        return;
    g_clear_handle_id(&dest->up_source, g_source_remove);
    rtmp_link_free(dest->link);
    g_free(dest);
}

void dest_push(struct dest *dest, const struct rtmp_message *message)
{
    if (dest_backlog_bytes(dest) == 0)
        dest->since_ns = now_ns();
    dest->is_given = true;
    rtmp_link_send(dest->link, message->type, message->timestamp_ms, message->payload);
    rtmp_link_flush(dest->link);
}

int64_t dest_backlog_bytes(const struct dest *dest)
{
    return (int64_t)rtmp_link_pending(dest->link);
}

int64_t dest_bytes(const struct dest *dest)
{
    return dest->bytes;
}

void dest_watch(struct dest *dest, int64_t at_ns)
{
    if (dest_backlog_bytes(dest) > 0 && at_ns - dest->since_ns > DEST_PATIENCE_S * DUB_NS_PER_S)
        dest->events.on_lost(dest->is_up ? "it does not read any more" : "it does not answer", dest->user);
}

void dest_finish(struct dest *dest)
{
    rtmp_link_finish(dest->link);
}
