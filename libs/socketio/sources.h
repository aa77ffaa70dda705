/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GSource in a place of its owner's: NULL there says that there is none. Private to the library. */
#pragma once

#include <glib.h>

/* NULL in the place is fine. Also from within the source's own callback. */
static inline void source_clear(GSource **place)
{
    if (*place == NULL)
        return;
    g_source_destroy(*place);
    g_clear_pointer(place, g_source_unref);
}

/* In the stead of what was there. context NULL: the thread-default one. */
static inline void source_put(GSource **place, GSource *take_source, GMainContext *context,
                              GSourceFunc callback, void *data)
{
    g_autoptr(GMainContext) thread_default = g_main_context_ref_thread_default();
    source_clear(place);
    *place = take_source;
    g_source_set_callback(take_source, callback, data, NULL);
    g_source_attach(take_source, context != NULL ? context : thread_default);
}
