/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptors by the hundred in one main loop. GLib hands all of a loop's descriptors to the kernel anew each
 * turn (poll), which takes half a millisecond where 500 children have four each, at every turn. Those watched
 * here stand in one epoll set for each context, of which the loop sees a single descriptor. */
#pragma once

#include <glib.h>

struct dub_watch;

/* func is called in the context whenever fd has something to read, was hung up or has failed, for as long as
 * that is so. For pipes, sockets and pidfds, each watched once. The context is kept by reference; add and
 * remove belong to its thread. */
struct dub_watch *dub_watch_add(GMainContext *context, int fd, void (*func)(int fd, void *user), void *user);

/* Before fd is closed. func is not called any more, also when called from a func. NULL is fine. */
void dub_watch_remove(struct dub_watch *watch);
