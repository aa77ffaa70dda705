/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processor of `--mode full`: three stages, each with its own threads, so that fragment 2 is recognised
 * while fragment 1 is translated and fragment 0 is spoken.
 *
 * Isolation: what may be inside is bounded, with a part for each stream (admission.h); each stream that
 * speaks has its part of a stage's threads and of their time (fair_queue.h); a thread that has done its part
 * of a job never waits for the next stage. A job whose deadline passes while it waits is answered with
 * TIMEOUT then, not when its turn comes; while it is worked on, the engine heeds the deadline. */
#pragma once

#include "processor.h"
#include "steps.h"

#include <dubbing_clock.h>

struct lineage;

struct pipeline_config {
    struct engines *engines; /* the caller's; outlive the pipeline */
    unsigned queue_capacity; /* fragments that may wait when every thread of a stage is busy */
    struct sts_metrics *metrics;
    const struct dub_clock *clock; /* of the jobs' deadlines; NULL: the monotonic one */
    struct lineage *lineage;       /* NULL: none is kept; outlives the pipeline */
    const step *steps;             /* JOB_N_STAGES of them; NULL: those of steps.h */
};

/* Main loop's thread, on whose default context the results come back. */
struct processor *pipeline_new(const struct pipeline_config *config);
/* Waits for the jobs that are being worked on, which the callers have cancelled; answers nobody. NULL is
 * fine. */
void pipeline_free(struct processor *processor);
