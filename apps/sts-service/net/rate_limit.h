/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often somebody may ask: a token bucket that holds two seconds' worth. Pure; the caller brings the time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
    double per_second; /* 0: no limit */
    double tokens;
    int64_t filled_ns;
    int64_t n_refused; /* since the bucket was last full */
};

/* Full at the start. */
void rate_limit_init(struct rate_limit *limit, unsigned per_second, int64_t now_ns);
/* Whether one more is allowed now. */
bool rate_limit_allows(struct rate_limit *limit, int64_t now_ns);
/* Many times the allowed rate was tried without a pause: this is no honest client. */
bool rate_limit_is_flooded(const struct rate_limit *limit);
