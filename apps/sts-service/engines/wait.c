/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wait.h"

#define STEP_NS (20 * DUB_NS_PER_MS)

void engine_wait_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void engine_wait_step(pthread_cond_t *condition, pthread_mutex_t *lock, const struct engine_call *call)
{
    int64_t until_ns = dub_clock_now_ns(dub_clock_monotonic()) + STEP_NS;
    if (call->deadline_ns > 0)
        until_ns = MIN(until_ns, call->deadline_ns);
    struct timespec until = {.tv_sec = until_ns / DUB_NS_PER_S, .tv_nsec = until_ns % DUB_NS_PER_S};
    pthread_cond_timedwait(condition, lock, &until);
}
