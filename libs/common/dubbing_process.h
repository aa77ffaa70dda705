/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Child processes with an own process group, their output line by line, and their end, on a GMainContext.
 *
 * All calls and callbacks on the thread of the context that was thread-default at dub_process_start. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct dub_process;

struct dub_process_spec {
    const char *const *argv;        /* argv[0] is looked up in PATH unless it holds a slash */
    const char *const *environment; /* "NAME=value" added to or replacing ours; NULL: none */
    const char *working_dir;        /* NULL: ours */
    bool outlive_parent;            /* false: the kernel kills it when we die (PR_SET_PDEATHSIG) */
    bool inherit_output;            /* true: stdout and stderr are ours and on_line is not called */
    /* One line of stdout or stderr, cut at 8 KiB. May be NULL. */
    void (*on_line)(struct dub_process *process, const char *line, bool is_stderr, void *user);
    /* Called exactly once, after the last line. signal is 0 when it exited by itself. */
    void (*on_exit)(struct dub_process *process, int exit_code, int signal, void *user);
    void *user;
};

struct dub_process *dub_process_start(const struct dub_process_spec *spec, struct dub_error *error);

/* A child that runs already and that nobody watches yet. */
struct dub_child {
    pid_t pid;
    int fds[2]; /* of its stdout and stderr; -1: none */
};

/* dub_process_start in two parts. The first takes milliseconds (fork, exec), more on a busy machine, and may
 * be done on any thread; without outlive_parent the child ends with that thread. The second takes the child,
 * also when it fails: then the child is killed. */
bool dub_process_spawn(struct dub_child *child, const struct dub_process_spec *spec, struct dub_error *error);
struct dub_process *dub_process_watch(const struct dub_child *take_child, const struct dub_process_spec *spec,
                                      struct dub_error *error);
/* Instead of the second: kills the child and its group. */
void dub_process_discard(const struct dub_child *take_child);

pid_t dub_process_pid(const struct dub_process *process);
/* To the whole process group. False when it has ended. */
bool dub_process_signal(struct dub_process *process, int signal_number);
/* SIGTERM now, SIGKILL to the group after grace_ms; on_exit follows. */
void dub_process_stop(struct dub_process *process, unsigned grace_ms);
/* Does not stop the process; on_exit is not called any more. NULL is fine. May be called in on_exit. */
void dub_process_free(struct dub_process *process);

/* Splits a command line by shell quoting rules, without a shell; $NAME and ${NAME} of `environment` (then of
 * our environment) are expanded afterwards, inside single arguments, as MediaMTX does. NULL with error for
 * unbalanced quotes. Owned by the caller (g_strfreev). */
char **dub_command_split(const char *command, const char *const *environment, struct dub_error *error);
