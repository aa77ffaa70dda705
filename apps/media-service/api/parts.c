/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

struct parts {
    const struct parts_ops *ops;
    void *user;
    GString *text;
    gint64 turn_us;
    guint source;
};

static void free_parts(struct parts *parts)
{
    if (parts->ops->free_user != NULL)
        parts->ops->free_user(parts->user);
    g_string_free(parts->text, TRUE);
    g_free(parts);
}

static gboolean on_turn(void *user)
{
    struct parts *parts = user;
    gint64 end_us = g_get_monotonic_time() + parts->turn_us;
    bool more;
    do
        more = parts->ops->append(parts->text, parts->user);
    while (more && g_get_monotonic_time() < end_us);
    if (more)
        return G_SOURCE_CONTINUE;
    parts->ops->done(g_string_free(parts->text, FALSE), parts->user);
    parts->text = g_string_new(NULL);
    free_parts(parts);
    return G_SOURCE_REMOVE;
}

struct parts *parts_start(const struct parts_ops *ops, void *user, gint64 turn_us)
{
    struct parts *parts = g_new0(struct parts, 1);
    *parts = (struct parts){.ops = ops, .user = user, .text = g_string_new(NULL), .turn_us = turn_us};
    parts->source = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, parts, NULL);
    return parts;
}

void parts_cancel(struct parts *parts)
{
    g_source_remove(parts->source);
    free_parts(parts);
}
