/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input timeline: which sample position each incoming buffer takes, given its time stamp.
 *
 * Time stamps jitter (FLV rounds to 1 ms) and the publisher's sound card is never exactly as fast as its time
 * stamps. Buffers are therefore laid end to end as long as their time stamps agree within 18 ms (less than
 * one lost AAC frame of 21.3 ms) each and within 8 ms on the average of a second, so that sound is never
 * further than 10 ms from its picture for long; what disagreement there is is followed by slewing, at most
 * 0.5 ms per second; more is a gap (silence) or an overlap (trimmed). Pure; one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dub_timeline {
    bool started;
    int64_t origin_ns;     /* time stamp of position 0 */
    int64_t next;          /* where the next sample goes if nothing is wrong */
    double drift_samples;  /* smoothed disagreement; positive: time stamps are ahead of the samples */
    double slew_allowance; /* samples that may be added or removed by now */
    bool slewing;
    uint64_t silence_samples, trimmed_samples; /* so far */
    int64_t slewed_samples;                    /* added minus removed so far */
};

/* What to do with one buffer: drop skip_samples at its front, then add (or, negative, remove) stretch_samples
 * by resampling the rest, and put the result at position. Samples between the last end and position are
 * silence. */
struct dub_timeline_step {
    int64_t position;
    unsigned skip_samples;
    int stretch_samples;
};

void dub_timeline_init(struct dub_timeline *timeline);
/* The first buffer defines position 0. discontinuity: the source says that samples are missing here.
 * n_samples > 0. */
struct dub_timeline_step dub_timeline_place(struct dub_timeline *timeline, int64_t pts_ns, unsigned n_samples,
                                            bool discontinuity);
/* The position of a time stamp by itself, without jitter rules. Only once started. */
int64_t dub_timeline_position(const struct dub_timeline *timeline, int64_t pts_ns);
/* The time stamp of a position. Only once started. */
int64_t dub_timeline_time_ns(const struct dub_timeline *timeline, int64_t position);
