/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time as a parameter. Whatever waits or measures takes a struct dub_clock, so that tests run on a fake one.
 * Stream and monotonic time are int64_t nanoseconds; wall time is a different thing and never mixed with it.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

#define DUB_NS_PER_US INT64_C(1000)
#define DUB_NS_PER_MS INT64_C(1000000)
#define DUB_NS_PER_S INT64_C(1000000000)

struct dub_clock {
    /* Monotonic, from an arbitrary origin. Any thread. */
    int64_t (*now_ns)(const struct dub_clock *clock);
};

/* CLOCK_MONOTONIC. Static, never freed. */
const struct dub_clock *dub_clock_monotonic(void);

static inline int64_t dub_clock_now_ns(const struct dub_clock *clock)
{
    return clock->now_ns(clock);
}

/* A clock that moves when told to. The tests' thread owns it; reading is safe from any thread. */
struct dub_fake_clock {
    struct dub_clock clock;
    int64_t now_ns; /* atomic */
};

void dub_fake_clock_init(struct dub_fake_clock *fake, int64_t start_ns);
void dub_fake_clock_advance(struct dub_fake_clock *fake, int64_t by_ns);

/* Wall time for logs and wire timestamps only. */
int64_t dub_wall_time_ms(void);
/* RFC 3339 in UTC with milliseconds, "2026-01-02T03:04:05.678Z". buffer holds at least 25 bytes. */
void dub_wall_time_format(int64_t unix_ms, char buffer[32]);
