/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the worker that may break: it connects to the input, watches it, and connects again when it is
 * lost.
 *
 * Everything is called on, and runs on, the main thread, except what is marked. */
#pragma once

#include "../settings.h"
#include "feeder.h"
#include "source.h"

struct input;

struct input_events {
    struct feeder_events flow; /* on the streaming thread of the input */
    /* The connection is given up: a flow event that waits has to return false at once, and those that come
     * until on_let_go. */
    void (*on_break_off)(void *user);
    void (*on_let_go)(void *user); /* its streaming threads have ended */
    void (*on_ended)(void *user);  /* a file is over */
    void (*on_lost)(void *user);   /* a live connection broke; its streaming thread has ended */
    /* Given up. exit_code: enum worker_exit. */
    void (*on_failed)(int exit_code, const char *message, void *user);
    void (*on_bus_error)(const char *type, void *user);
};

struct input_facts {
    struct source_facts tracks; /* cleared by the caller with source_facts_clear */
    bool connected;             /* data has come on the present connection */
    bool ever_connected;
    int64_t bytes, reconnects;
};

struct input *input_new(const struct worker_settings *settings, const struct input_events *events,
                        void *user);
void input_start(struct input *input);
/* Ends the flow for good; afterwards no event runs. */
void input_stop(struct input *input);
/* NULL is fine. Stops first. */
void input_free(struct input *input);

/* Whether the input is live: from the network, or a file played at its own speed. */
enum feeder_pace input_pace(const struct worker_settings *settings);
void input_get_facts(struct input *input, struct input_facts *facts);
