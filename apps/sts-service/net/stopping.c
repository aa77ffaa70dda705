/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stopping.h"

#include <glib.h>

void stopping_error(struct dub_error *error)
{
    dub_error_set(error, DUB_ERROR_QUEUE_FULL, "the service is stopping; try again when it is back");
}

static gboolean on_late(gpointer user)
{
    *(bool *)user = true;
    return G_SOURCE_REMOVE;
}

void stopping_wait_while(bool (*is_so)(const void *data), const void *data, unsigned at_most_ms)
{
    bool is_late = false;
    guint timer = g_timeout_add(at_most_ms, on_late, &is_late);
    while (!is_late && is_so(data))
        g_main_context_iteration(NULL, TRUE);
    if (!is_late)
        g_source_remove(timer);
}
