/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exponential backoff as a value: how long to wait before the next try. */
#pragma once

#include <stdint.h>

struct dub_backoff {
    int64_t first_ns; /* the first wait */
    int64_t max_ns;   /* waits double up to this */
    int64_t next_ns;  /* private: the wait that comes next; 0 before the first */
};

#define DUB_BACKOFF(first, max) ((struct dub_backoff){.first_ns = (first), .max_ns = (max)})

/* The wait before the coming try: first, 2 * first, 4 * first, ... max, max. */
int64_t dub_backoff_next_ns(struct dub_backoff *backoff);
/* After a success. */
void dub_backoff_reset(struct dub_backoff *backoff);
