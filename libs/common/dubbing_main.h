/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every program's main has in common: load the configuration, start the log, run a GMainLoop until
 * SIGINT or SIGTERM. */
#pragma once

#include <dubbing_config.h>
#include <glib.h>

/* Exit codes of all programs; each program's README lists its own further ones (from 10). */
enum dub_exit {
    DUB_EXIT_OK = 0,
    DUB_EXIT_FAILURE = 1,
    DUB_EXIT_USAGE = 2, /* configuration or command line */
};

/* Starts the log from the common settings. stream_id may be NULL. */
void dub_main_start_log(const char *component, const char *stream_id,
                        const struct dub_common_settings *settings);

/* Calls on_stop(user) on the default main context at the first SIGINT or SIGTERM; a second one ends the
 * process at once with 128 + signal. Also ignores SIGPIPE. */
void dub_main_on_signal(void (*on_stop)(void *user), void *user);
