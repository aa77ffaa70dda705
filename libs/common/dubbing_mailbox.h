/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way into an owner thread: a bounded queue whose posts are handled on a GMainContext.
 *
 * Data posts may be refused when the box is full (the caller counts the drop); control posts never are. Posts
 * are handled in the order in which they came, control and data alike. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct dub_mailbox;

/* Runs on the thread that iterates the context. Takes ownership of the message. */
typedef void (*dub_mailbox_handler)(void *message, void *user);

/* capacity bounds the waiting data posts. free_message releases what is still waiting at close. The context
 * is referenced; NULL means the default one. */
struct dub_mailbox *dub_mailbox_new(GMainContext *context, unsigned capacity, dub_mailbox_handler handler,
                                    GDestroyNotify free_message, void *user);

/* Any thread. On true the box owns the message; on false (full or closed) the caller still does. */
bool dub_mailbox_post(struct dub_mailbox *box, void *message);
/* Any thread. False only after close; then the caller still owns the message. */
bool dub_mailbox_post_control(struct dub_mailbox *box, void *message);

/* Any thread: refuses further posts and frees the waiting ones; no handler starts afterwards. */
void dub_mailbox_close(struct dub_mailbox *box);
/* On the owner thread, or once it has ended. Closes first. NULL is fine. */
void dub_mailbox_free(struct dub_mailbox *box);
