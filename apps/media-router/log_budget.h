/* SPDX-License-Identifier: GPL-3.0-or-later */
/* So many log lines of one kind in ten seconds and no more: a flood of peers fills neither the disk nor the
 * eyes. What was left out is counted and said. One thread. */
#pragma once

#include <dubbing_clock.h>
#include <stdbool.h>

#define LOG_BUDGET_WINDOW_NS (10 * DUB_NS_PER_S)

struct log_budget {
    const struct dub_clock *clock; /* borrowed */
    const char *what;              /* static: "refused RTMP connections" */
    unsigned per_window;
    unsigned used;
    uint64_t left_out;       /* in the present window */
    uint64_t total_left_out; /* ever */
    int64_t window_start_ns;
};

void log_budget_init(struct log_budget *budget, const struct dub_clock *clock, const char *what,
                     unsigned per_window);
/* True when the line may be written. The first of a new window says how many were left out before. */
bool log_budget_take(struct log_budget *budget);
/* Says what was left out in a window that is over; from a timer, so that the end of a flood is said too. */
void log_budget_tick(struct log_budget *budget);
