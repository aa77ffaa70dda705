/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both sides, Socket.IO and HTTP, say and do when the service is told to stop. Main loop's thread. */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>

/* Retryable: another service, or this one when it is back, will do what was asked. */
void stopping_error(struct dub_error *error);
/* Iterates the default main context while it is so, but not for ever. */
void stopping_wait_while(bool (*is_so)(const void *data), const void *data, unsigned at_most_ms);
