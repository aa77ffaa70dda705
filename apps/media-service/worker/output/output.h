/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the worker that writes the result: muxer and RTMP connection or file. A lost connection is made
 * again, beginning at a key frame; a file is written once. */
#pragma once

#include "../settings.h"
#include "packet_queue.h"

struct output;

struct output_events {
    /* On the main thread. After output_finish: everything is written, or could not be. */
    void (*on_finished)(bool complete, void *user);
    /* On the main thread: given up. */
    void (*on_failed)(const char *message, void *user);
    void (*on_bus_error)(const char *type, void *user);
};

struct output_facts {
    bool connected; /* the peer has taken data of the present connection */
    int64_t bytes, reconnects;
    /* Arrival to release of the picture that came soonest since the last call; when none left since, the one
     * told last. 0: none yet. */
    int64_t delay_ns;
};

/* live: packets come at their time and a connection begins at a key frame; otherwise everything is written.
 */
struct output *output_new(const struct worker_settings *settings, bool live,
                          const struct output_events *events, void *user);
/* Any thread: connects ahead of the first packet, the first time it is called. */
void output_prepare(struct output *output);
/* Any thread. The packet is borrowed, and may not be written before output_flush. */
void output_push(struct output *output, const struct packet *packet);
/* Any thread: nothing else comes for now. */
void output_flush(struct output *output);
/* Main thread: ends the stream cleanly; on_finished follows. */
void output_finish(struct output *output);
/* NULL is fine. Main thread, when nobody pushes any more. */
void output_free(struct output *output);

/* Any thread. */
void output_get_facts(struct output *output, struct output_facts *facts);
