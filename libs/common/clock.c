/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monotonic clock, the fake one, and wall time as text. */
#include <dubbing_clock.h>

#include <stdio.h>
#include <time.h>

static int64_t monotonic_now_ns(const struct dub_clock *clock)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * DUB_NS_PER_S + now.tv_nsec;
}

const struct dub_clock *dub_clock_monotonic(void)
{
    static const struct dub_clock monotonic = {.now_ns = monotonic_now_ns};
    return &monotonic;
}

static int64_t fake_now_ns(const struct dub_clock *clock)
{
    const struct dub_fake_clock *fake = (const struct dub_fake_clock *)clock;
    return __atomic_load_n(&fake->now_ns, __ATOMIC_SEQ_CST);
}

void dub_fake_clock_init(struct dub_fake_clock *fake, int64_t start_ns)
{
    fake->clock.now_ns = fake_now_ns;
    __atomic_store_n(&fake->now_ns, start_ns, __ATOMIC_SEQ_CST);
}

void dub_fake_clock_advance(struct dub_fake_clock *fake, int64_t by_ns)
{
    __atomic_add_fetch(&fake->now_ns, by_ns, __ATOMIC_SEQ_CST);
}

int64_t dub_wall_time_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / DUB_NS_PER_MS;
}

void dub_wall_time_format(int64_t unix_ms, char buffer[32])
{
    /* Floor, so that instants before 1970 keep a millisecond part of 0..999. */
    int64_t ms = ((unix_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((unix_ms - ms) / 1000);
    struct tm utc = {0};
    char date[20] = "1970-01-01T00:00:00";
    if (gmtime_r(&seconds, &utc) != NULL && utc.tm_year >= -1900 && utc.tm_year < 8100)
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(buffer, 32, "%s.%03uZ", date, (unsigned)ms % 1000);
}
