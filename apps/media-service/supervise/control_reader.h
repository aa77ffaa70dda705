/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker says over its control socket, from bytes to messages: lines put together, read, and refused
 * where they break the protocol. A worker is a program of ours that may be broken, of another version, or not
 * ours at all. No sockets and no clock here. */
#pragma once

#include <dubbing_worker_control.h>
#include <glib.h>
#include <stdbool.h>

/* Everything is borrowed for the call. */
struct control_reader_events {
    /* False: this is another worker. */
    bool (*on_hello)(const struct dub_worker_hello *hello, void *user);
    void (*on_status)(const struct dub_worker_status *status, void *user);
    void (*on_phrase)(const struct dub_ledger_line *line, void *user);
};

struct control_reader {
    const struct control_reader_events *events;
    void *user;
    GByteArray *unfinished; /* the beginning of a line, at most DUB_CONTROL_LINE_BYTES_MAX */
    bool greeted;           /* a hello was accepted; nothing else is before it */
};

void control_reader_init(struct control_reader *reader, const struct control_reader_events *events,
                         void *user);
void control_reader_clear(struct control_reader *reader);
/* For the next connection. */
void control_reader_reset(struct control_reader *reader);

/* False with PROTOCOL, LIMIT or INVALID_ARGUMENT when the connection has to be closed. Messages of unknown
 * types and unknown members are ignored. */
bool control_reader_take(struct control_reader *reader, const char *bytes, gsize size,
                         struct dub_error *error);
