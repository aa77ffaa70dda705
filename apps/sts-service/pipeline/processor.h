/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What turns jobs into results, as sessions and the REST call see it. All calls on the main loop's thread. */
#pragma once

#include "job.h"

struct processor;

struct processor_ops {
    /* On true the processor has taken the job and gives it back by job_finish(), later, never from within. On
     * false (QUEUE_FULL) it is still the caller's. */
    bool (*submit)(struct processor *processor, struct job *job, struct dub_error *error);
    /* Forgets what this owner has waiting; what is being worked on is left to its cancellable. The caller has
     * cancelled that and cleared `done` of all its jobs. The owner's last call. */
    void (*cancel)(struct processor *processor, uint64_t owner);
    /* Jobs waiting or being worked on, without those of JOB_WARM_UP. */
    unsigned (*depth)(struct processor *processor);
    /* So many are worked on at a time, at least. NULL: as many as come. */
    unsigned (*parallelism)(struct processor *processor);
    /* Whether a stream can be served: false with UNSUPPORTED_LANGUAGE_PAIR, naming what is supported, or
     * INVALID_CONFIG. */
    bool (*check_config)(struct processor *processor, const struct dub_stream_config *config,
                         struct dub_error *error);
    /* A stream begins: what is slow the first time may be done now. NULL: nothing is. */
    void (*prepare)(struct processor *processor, struct job_settings *settings);
    /* The body of GET /api/v1/engines. */
    JsonObject *(*describe)(struct processor *processor);
};

/* The first member of every processor. */
struct processor {
    const struct processor_ops *ops;
};
