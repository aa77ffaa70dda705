/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One stream: what the registry keeps of it and what the API shows of it. */
#pragma once

#include "../bundle/bundle.h"
#include "../supervise/worker.h"
#include "egress_fsm.h"
#include "ledger.h"
#include "stream_fsm.h"
#include "stream_settings.h"

#include <dubbing_clock.h>
#include <dubbing_log.h>
#include <json-glib/json-glib.h>

struct registry;

/* What a stream has of its egress-forwarder; stream_egress.c's. */
struct stream_egress {
    struct egress_fsm fsm;
    char *dest_url;        /* where the stream should go; NULL: nowhere */
    char *version;         /* of the present or last process; NULL: not known */
    char *served_url;      /* where the process, or the last one, sends it; NULL: not known */
    struct worker *worker; /* NULL: none */
    bool has_facts;        /* the present process has told of itself */
    bool input_connected, output_connected, was_connected;
    int64_t bytes, reconnects; /* of the present or last process */
    unsigned restarts;         /* in this run */
    char *last_error;          /* NULL: none */
    enum egress_state told;    /* what observers know */
};

/* Owned by the registry; others read. */
struct stream {
    struct registry *registry;
    char *id;
    struct stream_fsm fsm;
    char *run_id; /* of the current or last run; "" before the first */
    char *input_url, *output_url;
    char *source_id;   /* the publisher's id at the router; "" when not known */
    bool stop_is_kept; /* that an operator has stopped it is in the state directory */
    struct stream_settings settings;
    struct stream_egress egress;
    struct worker *worker;                    /* NULL: none */
    char *worker_version, *gstreamer_version; /* of the current or last worker; NULL: not known */
    bool has_status;                          /* of the current or last worker */
    struct dub_worker_status status;
    struct ledger ledger;         /* of the current or last run */
    int64_t seq_base;             /* added to the worker's seq, which begins anew with each worker */
    struct bundle *bundle;        /* NULL without a run */
    int64_t started_ms;           /* wall time */
    int64_t started_ns, ended_ns; /* of the run, on the registry's clock */
    unsigned restarts;            /* of the worker, in this run */
    char *last_error;             /* NULL: none */
    char *last_exit;              /* how the run's last worker ended; NULL: it did not */
    enum worker_end_kind start_failure;
    guint start_failure_source; /* tells the state machine, soon, that a worker could not be started */
};

struct stream *stream_new(struct registry *registry, const char *id, int64_t grace_ns);
void stream_free(struct stream *stream);

struct dub_log_context stream_log_context(const struct stream *stream);
void stream_set_error(struct stream *stream, const char *text);
/* *text becomes a copy of with. */
void stream_replace_text(char **text, const char *with);

/* What GET /api/v1/streams/{id} answers. The caller owns it. */
JsonObject *stream_to_json(const struct stream *stream, const struct worker_ops *workers, int64_t now_ns);
/* The manifest of the run's bundle as it stands. */
JsonObject *stream_to_manifest(const struct stream *stream);
