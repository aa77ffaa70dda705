/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The router as a whole: what is started together, in order, and stopped together. */
#pragma once

#include "config.h"

#include <dubbing_error.h>

struct app;

/* config is borrowed. NULL with error when something cannot be started; nothing is left running then. */
struct app *app_new(const struct router_config *config, struct dub_error *error);
/* Ends all streams (their not-ready commands are started) and calls on_stopped(user) when the last command
 * has ended, or after 12 s. */
void app_stop(struct app *app, void (*on_stopped)(void *user), void *user);
/* NULL is fine. */
void app_free(struct app *app);
