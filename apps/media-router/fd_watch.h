/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many file descriptors as one GSource: an epoll set of which GLib sees only the one descriptor, so that a
 * turn of the main loop costs the same with a thousand silent connections as with none.
 *
 * Handlers run on the thread that iterates the GMainContext which was thread-default at fd_watch_new. A wake
 * that comes from a handler is served in the same turn, after the descriptors: what a
 * publisher's bytes bring for a reader goes out at once. */
#pragma once

#include <dubbing_clock.h>

struct fd_watch;

/* condition: what of G_IO_IN, G_IO_OUT, G_IO_HUP and G_IO_ERR holds; 0 after a mere wake. */
typedef void (*fd_watch_handler)(GIOCondition condition, void *user);

/* The descriptor stays the caller's, who frees the watch before closing it. G_IO_HUP and G_IO_ERR are always
 * watched. */
struct fd_watch *fd_watch_new(int fd, GIOCondition condition, fd_watch_handler handler, void *user);
/* The same, told of what begins to hold and not again while it does (edge-triggered): a handler goes on until
 * the descriptor has no more, or wakes itself. Setting another condition tells anew. A peer's last bytes and
 * its end may be told together, FD_WATCH_LAST then: they are read until the end comes. */
#define FD_WATCH_LAST ((GIOCondition)0x2000) /* EPOLLRDHUP */
struct fd_watch *fd_watch_new_for_edges(int fd, GIOCondition condition, fd_watch_handler handler, void *user);
void fd_watch_set_condition(struct fd_watch *watch, GIOCondition condition);
/* The handler is called soon, once for any number of wakes. */
void fd_watch_wake(struct fd_watch *watch);
/* Said by a handler that has done nothing which concerns the main loop: no source attached, changed or
 * destroyed. */
void fd_watch_say_quiet(struct fd_watch *watch);
/* In a handler the time at which its turn began, read once for all of them; elsewhere the present. */
const struct dub_clock *fd_watch_clock(void);
/* Also from any handler, its own included. NULL is fine. */
void fd_watch_free(struct fd_watch *watch);

/* As g_main_loop_run for the thread-default context, and cheaper where there are many messages: descriptors
 * are waited for and served without a turn of the main loop, which has its own for its sources, and after
 * handlers that were not quiet. The loop is made as running (g_main_loop_new(context, TRUE)). */
void fd_watch_run(GMainLoop *loop);
