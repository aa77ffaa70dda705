/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service as a whole: engines or echo, and the server in front of them. Main thread. */
#pragma once

#include "settings.h"

#include <dubbing_error.h>

/* Exit codes beyond dubbing_main.h. */
enum sts_exit {
    STS_EXIT_ADDRESS_IN_USE = 10,
    STS_EXIT_ENGINE_MISSING = 11,
};

struct app;

/* Loads the engines, then listens. On NULL error says what to do and *exit_code is the program's. */
struct app *app_new(const struct sts_settings *settings, int *exit_code, struct dub_error *error);
unsigned app_port(const struct app *app);
/* Before app_free, on the default main context, within some seconds: what streams have in flight is finished,
 * then they are sent on; requests over REST that were let in are answered. */
void app_stop(struct app *app);
/* Closes all connections, stops the pipeline. NULL is fine. */
void app_free(struct app *app);
