/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One Socket.IO connection, shared by connections.c (its life) and events.c (what it may say). Main loop's
 * thread. */
#pragma once

#include "../refusal_log.h"
#include "connections.h"
#include "rate_limit.h"

struct connections {
    struct connections_config config;
    char *api_key;
    struct dub_sio_server *server;
    GHashTable *by_stream;       /* borrowed stream id of the session -> struct connection */
    GHashTable *all;             /* set of struct connection */
    struct refusal_log refusals; /* of those who are not let in */
    guint idle_timer;
    bool is_stopping;
    guint finish_timer; /* while stopping: until then streams may finish what they have in flight; 0: over */
    struct work_time work_time;
};

struct connection {
    struct connections *owner;
    struct dub_sio_socket *socket;
    struct session *session;
    struct simulation simulation;
    struct rate_limit rate;
    struct refusal_log refusals;
    struct dub_error init_refusal; /* of the last stream:init that was refused; code NONE: none was */
    int64_t opened_ns;
    int64_t active_ns; /* when the last event came or left */
    guint close_timer;
    bool is_ending; /* told and closed; what still comes in is not looked at */
};

void connection_emit(struct connection *connection, const char *event, JsonNode *take_payload);
/* An error that belongs to no accepted fragment of a session. stream_id and fragment_id may be NULL. */
void connection_error(struct connection *connection, const char *stream_id, const char *fragment_id,
                      enum dub_error_severity severity, const struct dub_error *error);
/* The error of a stream:init, which is remembered: no stream may ever come. stream_id may be NULL. */
void connection_refuse_init(struct connection *connection, const char *stream_id,
                            const struct dub_error *error);
/* Says the error, as a fatal one, and closes. */
void connection_end(struct connection *connection, const struct dub_error *error);
/* Says that the service is stopping, as a fatal error, and closes with "going away". */
void connection_send_away(struct connection *connection);
/* The stream of the connection, NULL before stream:init. */
const char *connection_stream(const struct connection *connection);
/* A stream begins on this connection, whatever stream it or another one carried before. */
void connection_start_session(struct connection *connection, const struct dub_stream_init *init);

/* One event of the worker. */
void connection_handle(struct connection *connection, const struct dub_sio_event *event);
