/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP side: POST /api/v1/sts/process, GET /api/v1/engines, /health, /ready, /metrics. Main loop's
 * thread. */
#pragma once

#include "../metrics.h"
#include "../pipeline/processor.h"

#include <dubbing_clock.h>
#include <dubbing_http.h>

struct http_api;

/* Borrowed members outlive it; strings are only read by http_api_new. */
struct http_api_config {
    const char *address; /* "127.0.0.1:8000", port 0: any free one */
    const char *api_key;
    const char *tls_cert, *tls_key;
    unsigned max_connections;         /* 0: no limit */
    unsigned request_timeout_ms;      /* 0: none */
    unsigned max_requests_per_second; /* to /process, of all clients; 0: no limit */
    struct processor *processor;
    const struct dub_clock *clock;
    struct sts_metrics *metrics;
};

/* Listens at once. */
struct http_api *http_api_new(const struct http_api_config *config, struct dub_error *error);
/* Takes no more requests, is no longer ready (503), and iterates the default main context until those that
 * were let in are answered: for finish_ms while they are being processed, then with 503 and Retry-After. */
void http_api_stop(struct http_api *api, unsigned finish_ms);
/* Cancels what is being processed and closes all connections. NULL is fine. */
void http_api_free(struct http_api *api);
struct dub_http_server *http_api_server(struct http_api *api);
