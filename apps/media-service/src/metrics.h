/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metrics of media-service and of its workers, protocol.md section 5. The workers' come from their status
 * and are brought up to date when they are asked for. */
#pragma once

#include "../orch/registry.h"

struct service_metrics;

struct service_metrics *service_metrics_new(void);
/* NULL is fine. */
void service_metrics_free(struct service_metrics *metrics);

/* event: "ready", "not-ready"; result: "accepted", "rejected". */
void service_metrics_count_hook(struct service_metrics *metrics, const char *event, const char *result);
/* dependency: as in GET /ready. */
void service_metrics_set_dependency(struct service_metrics *metrics, const char *dependency, bool up);
void service_metrics_count_restart(struct service_metrics *metrics, const char *stream_id);
/* Drops the series of a stream. */
void service_metrics_forget(struct service_metrics *metrics, const char *stream_id);
/* The exposition. Owned by the caller. */
char *service_metrics_format(struct service_metrics *metrics, const struct registry *registry);
