/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processor of `--mode full`: three stages, each with its own threads and bounded queue, so that fragment
 * 2 is recognised while fragment 1 is translated and fragment 0 is spoken. */
#pragma once

#include "engines.h"
#include "processor.h"

/* engines outlive it and belong to the caller. queue_capacity per stage. Main loop's thread, on whose default
 * context the results come back. */
struct processor *pipeline_new(struct engines *engines, unsigned queue_capacity, struct sts_metrics *metrics);
/* Waits for the jobs that are being worked on, which the callers have cancelled; answers nobody. NULL is
 * fine. */
void pipeline_free(struct processor *processor);
