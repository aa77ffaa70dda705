/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands that the router runs when a path becomes ready and when it stops being so.
 *
 * A command is split by quoting rules without a shell, then its variables are expanded; it runs in a process
 * group of its own. Output and exit codes are logged. Same thread and context as the router. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct hook_pool;
struct hook;

/* on_idle(user) is called each time the last running command has ended; may be NULL. */
struct hook_pool *hook_pool_new(void (*on_idle)(void *user), void *user);
/* Forgets commands that still run; they are killed by the kernel when the router exits. NULL is fine. */
void hook_pool_free(struct hook_pool *pool);
unsigned hook_pool_running(const struct hook_pool *pool);
/* Processes at a time (500 without); further commands wait for their turn. */
void hook_pool_set_max(struct hook_pool *pool, unsigned max);
/* How long a command may go on after its SIGINT before it is killed (10 s without). */
void hook_pool_set_patience(struct hook_pool *pool, unsigned patience_ms);

/* What is started, for which path. Borrowed for the call. */
struct hook_spec {
    const char *name; /* "runOnReady", for the log */
    const char *path; /* likewise */
    const char *command;
    const char *const *environment; /* "NAME=value", added to ours */
    bool restart;                   /* started again 5 s after it ends */
};

/* A command that belongs to a stream: runs until hook_stop. NULL when the command is "" or cannot be started
 * (the reason has been logged). */
struct hook *hook_start(struct hook_pool *pool, const struct hook_spec *spec);
/* SIGINT to the whole group, SIGKILL to what is still there later; the hook frees itself. NULL is fine. */
void hook_stop(struct hook *hook);
/* A command that runs to its end by itself, once. */
void hook_run(struct hook_pool *pool, const struct hook_spec *spec);
