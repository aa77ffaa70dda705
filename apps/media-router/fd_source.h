/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GSource on one file descriptor whose conditions may change while it lives. */
#pragma once

#include <glib.h>

typedef gboolean (*fd_source_handler)(int fd, GIOCondition condition, gpointer user);

/* Attached to the thread-default context; the caller unrefs after g_source_destroy. Does not close the fd. */
GSource *fd_source_new(int fd, GIOCondition condition, fd_source_handler handler, gpointer user);
void fd_source_set_condition(GSource *source, GIOCondition condition);
