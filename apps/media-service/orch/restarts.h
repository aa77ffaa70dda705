/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often and how soon a process that failed is started again: within ten minutes each wait is twice as
 * long as the one before, and after six restarts there are no more. Plain data, pure. */
#pragma once

#include <stdint.h>

#define RESTARTS_MAX 6

struct restarts {
    int64_t times_ns[RESTARTS_MAX]; /* when they were planned, within the ten minutes */
    unsigned n;
};

/* When to start again, on the clock of now_ns; -1 when it failed too often. */
int64_t restarts_plan(struct restarts *restarts, int64_t now_ns);
