/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One media-worker: input, core and output wired on one timeline, from start to exit code. Main thread. */
#pragma once

#include "settings.h"

#include <dubbing_error.h>

struct worker;

/* NULL with an error when it cannot start at all. settings are borrowed for the worker's life. */
struct worker *worker_new(const struct worker_settings *settings, struct dub_error *error);
/* Runs a main loop until the stream is over; returns the exit code. */
int worker_run(struct worker *worker);
/* Asks for a clean end. */
void worker_stop(struct worker *worker);
/* NULL is fine. */
void worker_free(struct worker *worker);
