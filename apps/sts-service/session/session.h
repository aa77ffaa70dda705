/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One stream on one connection: the rules of protocol.md section 1, without sockets.
 *
 * It checks what the worker sends, hands fragments to the processor, and emits the answers in sequence order.
 * All calls and callbacks on the main loop's thread; no callback frees the session. */
#pragma once

#include "../echo/simulation.h"
#include "../metrics.h"
#include "../pipeline/processor.h"
#include "../refusal_log.h"
#include "estimate.h"
#include "flow.h"

#include <dubbing_clock.h>

struct session;

struct session_events {
    /* One event to the worker. Takes the payload. */
    void (*emit)(const char *event, JsonNode *take_payload, void *user);
    /* stream:complete has been emitted: the connection is to be closed in a while. */
    void (*completed)(void *user);
    /* After session_drain nothing is in flight; said again when something has come after all. */
    void (*drained)(void *user);
};

/* Borrowed members outlive the session. */
struct session_config {
    struct processor *processor;
    const struct dub_clock *clock;
    struct sts_metrics *metrics;
    struct flow_limits limits;
    struct work_time *work_time;         /* of the fragments of all sessions */
    struct refusal_log *refusals;        /* of the connection */
    const struct simulation *simulation; /* of the connection, in echo mode; NULL otherwise */
};

/* The caller has asked the processor whether it can serve the stream. Emits stream:ready. */
struct session *session_new(const struct session_config *config, const struct dub_stream_init *init,
                            const struct session_events *events, void *user);
/* Cancels what is in flight, at once. NULL is fine. */
void session_free(struct session *session);

/* Whether a fragment may come in, by its address alone: fragment_id, stream_id and sequence_number. One that
 * may not is answered with an error event. */
bool session_admits(struct session *session, const struct dub_fragment_data *fragment);
/* One fragment:data as it was read. Takes the fragment's members. read_error: what dub_fragment_data_read
 * said about an addressed fragment, or NULL when it was fine. Every refusal and failure is answered by
 * events. */
void session_fragment(struct session *session, struct dub_fragment_data *take_fragment,
                      const struct dub_error *read_error);
void session_pause(struct session *session);
void session_resume(struct session *session);
/* The service is going to stop: in-flight work completes, the worker is told to keep back what it has
 * (backpressure, pause), then events->drained; at once, and nothing is told, where nothing is in flight. */
void session_drain(struct session *session);
/* In-flight work completes, then stream:complete and events->completed. */
void session_end(struct session *session, const char *reason);
/* Emits the pressure level anew when the simulation was changed. */
void session_simulation_changed(struct session *session);

const char *session_stream_id(const struct session *session);
const char *session_id(const struct session *session);
unsigned session_inflight(const struct session *session);
/* After stream:complete. */
bool session_is_complete(const struct session *session);
