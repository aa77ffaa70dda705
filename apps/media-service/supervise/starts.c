/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "starts.h"

#include <glib.h>

struct start {
    void (*start)(void *user);
    void *user;
};

static GQueue line = G_QUEUE_INIT; /* struct start * */
static guint source;               /* runs as long as somebody waits */

static gboolean start_next(void *unused)
{
    g_autofree struct start *next = g_queue_pop_head(&line);
    bool is_last = g_queue_is_empty(&line);
    if (is_last)
        source = 0;
    /* Last, because it may add another. */
    if (next != NULL)
        next->start(next->user);
    return is_last ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

void starts_add(void (*start)(void *user), void *user)
{
    struct start *entry = g_new(struct start, 1);
    *entry = (struct start){start, user};
    g_queue_push_tail(&line, entry);
    if (source == 0)
        source = g_idle_add(start_next, NULL);
}

bool starts_remove(void *user)
{
    for (GList *item = line.head; item != NULL; item = item->next) {
        struct start *entry = item->data;
        if (entry->user != user)
            continue;
        g_queue_delete_link(&line, item);
        g_free(entry);
        return true;
    }
    return false;
}
