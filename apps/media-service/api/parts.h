/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A long text made in parts, one each turn of the main loop, so that what else is to be answered meanwhile
 * waits for a part and not for the whole. All calls and events on the thread of the default main context. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct parts;

struct parts_ops {
    /* Adds a little more; false once there is nothing left to add. */
    bool (*append)(GString *text, void *user);
    /* Takes the whole text. The parts are freed, and user with them, after this. */
    void (*done)(char *take_text, void *user);
    GDestroyNotify free_user; /* NULL: nothing */
};

/* ops is kept by reference. A turn lasts for turn_us, and for one call of append at least. */
struct parts *parts_start(const struct parts_ops *ops, void *user, gint64 turn_us);
/* Nothing is done then. Not from the events. */
void parts_cancel(struct parts *parts);
