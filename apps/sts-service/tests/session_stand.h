/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session for tests: its processor answers when told to, its clock stands still, its events are written
 * down. */
#pragma once

#include "../session/session.h"

struct stand {
    struct processor processor;
    GPtrArray *jobs;   /* submitted and not yet answered */
    GPtrArray *events; /* "event {json}" */
    struct sts_metrics metrics;
    struct dub_fake_clock clock;
    struct simulation simulation;
    struct work_time work_time;
    struct refusal_log refusals;
    unsigned parallelism;
    bool full;
    bool completed;
    unsigned n_drained;
    struct session *session;
    GCancellable *cancellable; /* of the last job */
};

/* The stream "news". */
void stand_open_with(struct stand *stand, int max_inflight, struct flow_limits limits);
void stand_open(struct stand *stand, int max_inflight);
/* Nothing may be left. */
void stand_close(struct stand *stand);
/* The nth fragment id that differs from all others. Owned by the caller. */
char *stand_id_of(int nth);
/* A fragment of 10 ms; read_error as session_fragment. */
void stand_send_as(struct stand *stand, int nth, int64_t sequence, const struct dub_error *read_error);
void stand_send(struct stand *stand, int sequence);
/* The processor answers the job that holds this sequence number. */
void stand_answer(struct stand *stand, int64_t sequence);
unsigned stand_count(const struct stand *stand, const char *event);
/* "event {json}", "" when there was none. */
const char *stand_last(const struct stand *stand, const char *event);
void stand_expect_last(const struct stand *stand, const char *event, const char *says);
