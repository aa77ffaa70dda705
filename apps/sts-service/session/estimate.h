/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a fragment that has just come in will be answered: what fragments have taken lately, and how many are
 * ahead. Pure. */
#pragma once

#include <stdint.h>

/* So many fragments are what "lately" means. */
#define ESTIMATE_WINDOW 16
/* Before any fragment was ever answered: the part of its own duration that one is taken to need. The engines
 * of the distribution need 0.2 to 0.5 of it (bench/README.md). */
#define ESTIMATE_PRIOR 0.5

/* The time that fragments take once it is their turn. Zeroed memory knows of none. */
struct work_time {
    double average_ms;
    unsigned n; /* that it rests on; stops at ESTIMATE_WINDOW */
};

/* One more was answered: busy_ms from its arrival on, without the time that it waited for a turn. */
void work_time_add(struct work_time *time, double busy_ms);

/* What a fragment meets. */
struct estimate_load {
    unsigned n_ahead;     /* waiting or being worked on, of all streams */
    unsigned parallelism; /* so many are worked on at a time; 0: all of them */
    int64_t duration_ms;  /* its own */
    int64_t timeout_ms;   /* after it there is an answer in any case */
};

/* Milliseconds from now. By the stream's own times where there are any, else by those of all streams, else by
 * the prior. */
int64_t estimate_completion_ms(const struct work_time *stream, const struct work_time *service,
                               const struct estimate_load *load);
