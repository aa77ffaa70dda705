/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The core of an exchange against a service that is played by the test, on a fake clock: no sockets, no
 * threads, no waiting. One thread. */
#pragma once

#include "exchange_core.h"

#include <dubbing_events.h>

#define MS DUB_NS_PER_MS
#define S DUB_NS_PER_S
#define STREAM "stream-1"

struct sent {
    char *fragment_id;
    int64_t sequence;
};

struct got {
    uint64_t id;
    bool dubbed, no_speech;
    struct dub_error error;
    char *fragment_id;
    int64_t rtt_ms;
};

/* A worker's exchange and what it did. */
struct rig {
    struct dub_fake_clock fake;
    struct exchange_core *core;
    unsigned n_connects, n_disconnects, n_inits, n_ends, n_applied, n_received;
    GArray *sent;    /* struct sent */
    char *announced; /* the id of the fragment that leaves next; NULL: none is announced */
    GPtrArray *got;  /* struct got * */
    uint64_t next_id;
};

/* An exchange that allows so many fragments at a time, before its first connection. */
void rig_start(struct rig *rig, unsigned max_inflight);

/* Checks that each fragment came back exactly once. */
void rig_stop(struct rig *rig);

/* Advances in the steps that the core asks for, as its thread does. */
void rig_pass(struct rig *rig, int64_t ns);

/* Fragments of 1 s that may wait for ever, or until a time of the rig's clock. */
void rig_submit(struct rig *rig, unsigned n);
void rig_submit_until(struct rig *rig, int64_t deadline_ns);

/* What the service does. */
void rig_connect_ready(struct rig *rig, int max_inflight);
void rig_say(struct rig *rig, const char *event, JsonNode *take_node);
void rig_say_ready(struct rig *rig, int max_inflight);

/* The answer to a fragment, its audio owned by the caller until it is said. */
struct dub_fragment_processed rig_success_for(const struct sent *sent);
GBytes *rig_noise(int16_t value);
void rig_say_processed(struct rig *rig, struct dub_fragment_processed *processed);
void rig_answer(struct rig *rig, guint index);
void rig_answer_failed(struct rig *rig, guint index, enum dub_error_code code);
void rig_refuse(struct rig *rig, guint index, enum dub_error_code code, enum dub_error_severity severity);

/* What the exchange has sent and handed back, borrowed. */
const struct sent *rig_sent_at(const struct rig *rig, guint index);
const struct got *rig_got_at(const struct rig *rig, guint index);
struct dub_exchange_stats rig_stats(const struct rig *rig);
