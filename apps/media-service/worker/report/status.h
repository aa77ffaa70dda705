/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's status as the control socket tells it, gathered from the parts' own measures. Pure. */
#pragma once

#include "../input/input.h"
#include "../output/output.h"
#include "phrases.h"

#include <dubbing_worker_control.h>

struct status_sources {
    const struct worker_settings *settings;
    enum dub_worker_state state;
    int64_t uptime_ns;
    const struct input_facts *input;
    const struct output_facts *output;
    const struct phrases *phrases;
    const GstStructure *dub; /* the element's "stats"; NULL: none */
    int64_t av_sync_ns;      /* sync_meter_take */
    const struct dub_counts *bus_errors;
};

/* Cleared by the caller with dub_worker_status_clear. */
void status_fill(struct dub_worker_status *status, const struct status_sources *sources);
