/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/: waiting for a condition under the terms of a call. */
#pragma once

#include "engine.h"
#include <pthread.h>

/* A condition on the monotonic clock, as engine_wait_step() needs it. */
void engine_wait_init(pthread_cond_t *condition);
/* Waits with the lock held until the condition is signalled, but at most 20 ms and not beyond the deadline: a
 * caller's cancellable cannot signal the condition, so it is looked at between the steps. */
void engine_wait_step(pthread_cond_t *condition, pthread_mutex_t *lock, const struct engine_call *call);
