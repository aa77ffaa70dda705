/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service's metrics, by their names in protocol.md section 5. Updates from any thread. */
#pragma once

#include <dubbing_error.h>
#include <dubbing_metrics.h>

struct sts_metrics {
    struct dub_metrics *registry;
    struct dub_metric *processing;  /* seconds by status */
    struct dub_metric *asr;         /* seconds */
    struct dub_metric *translation; /* seconds */
    struct dub_metric *tts;         /* seconds */
    struct dub_metric *queue_wait;  /* seconds by stage */
    struct dub_metric *in_flight;
    struct dub_metric *sessions;
    struct dub_metric *queue_depth;                  /* by stage */
    struct dub_metric *errors;                       /* by stage, error_code */
    struct dub_metric *connections;                  /* by result */
    struct dub_metric *engine_info;                  /* by stage, engine, model */
    struct dub_metric *chain;                        /* by stage, engine, result */
    struct dub_metric *artifacts;                    /* by result */
    struct dub_metric *gpu_utilization, *gpu_memory; /* NULL: there is none */
};

/* Clear with sts_metrics_clear. */
void sts_metrics_init(struct sts_metrics *metrics);
void sts_metrics_clear(struct sts_metrics *metrics);
/* There is a GPU. Before anybody reads the metrics. */
void sts_metrics_add_gpu(struct sts_metrics *metrics);

/* By the code that a client is told. */
void sts_metrics_error(struct sts_metrics *metrics, const struct dub_error *error);
void sts_metrics_connection(struct sts_metrics *metrics, const char *result);
/* A call within a chain of engines; any thread. */
void sts_metrics_chain(struct sts_metrics *metrics, const char *stage, const char *engine,
                       const char *result);
/* By the stage's name: "asr", "translation", "tts". */
void sts_metrics_wait(struct sts_metrics *metrics, const char *stage, double seconds);
void sts_metrics_depth(struct sts_metrics *metrics, const char *stage, unsigned depth);
