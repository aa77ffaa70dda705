/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting until a time of CLOCK_MONOTONIC, which GStreamer's system clock shows too. */
#pragma once

#include <dubbing_clock.h>
#include <pthread.h>

static inline void monotonic_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* INT64_MAX waits for a signal only. May return early, as condition variables do. */
static inline void monotonic_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / DUB_NS_PER_S, .tv_nsec = until_ns % DUB_NS_PER_S};

    if (until_ns == INT64_MAX)
        pthread_cond_wait(cond, lock);
    else
        pthread_cond_timedwait(cond, lock, &until);
}
