/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP side of media-service: hooks in, streams out. protocol.md section 3. */
#pragma once

#include "../orch/reconcile.h"
#include "../orch/registry.h"
#include "../src/metrics.h"

#include <dubbing_http.h>

struct api;

/* Borrowed by the API; must outlive it. */
struct api_deps {
    struct registry *registry;
    struct reconcile *reconcile;
    struct service_metrics *metrics;
    const struct state_dir *state_dir;
    const struct worker_ops *workers;
    const struct dub_clock *clock;
    const char *worker_program; /* for /ready */
};

/* Listens on address. NULL with UNAVAILABLE when it is in use. */
struct api *api_new(const char *address, const char *api_key, const struct api_deps *deps,
                    struct dub_error *error);
/* NULL is fine. */
void api_free(struct api *api);

unsigned api_port(const struct api *api);

/* To be called by the registry's observer: they become server-sent events. */
void api_on_state(struct api *api, const struct stream *stream);
void api_on_phrase(struct api *api, const struct stream *stream, JsonNode *line);
