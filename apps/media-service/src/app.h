/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of media-service put together. */
#pragma once

#include "settings.h"

#include <dubbing_error.h>

/* Exit codes beyond those of dubbing_main.h. */
enum service_exit {
    SERVICE_EXIT_ADDRESS_IN_USE = 10,
    SERVICE_EXIT_STATE_DIR_LOCKED = 11,
};

/* Runs until a signal; says the exit code. The log is started. */
int app_run(const struct service_settings *settings);
