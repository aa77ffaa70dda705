/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker may say: a table of events, one small function each. */
#include "connection.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>

static bool may_start(struct connection *connection, const struct dub_stream_init *init,
                      struct dub_error *error)
{
    struct processor *processor = connection->owner->config.processor;
    if (connection->session && !session_is_complete(connection->session))
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                             "this connection already carries the stream %s; send stream:end first",
                             session_stream_id(connection->session));
    return processor->ops->check_config(processor, &init->config, error);
}

static void on_init(struct connection *connection, JsonNode *payload)
{
    struct dub_stream_init init;
    struct dub_error error;
    if (connection->owner->is_stopping) {
        connection_send_away(connection);
        return;
    }
    if (dub_stream_init_read(&init, payload, &error) && may_start(connection, &init, &error))
        connection_start_session(connection, &init);
    else
        connection_refuse_init(connection, init.stream_id, &error);
    dub_stream_init_clear(&init);
}

/* Whose fragment is refused by its address has cost no decoding of its audio. */
static bool is_admitted(struct connection *connection, JsonNode *payload)
{
    struct dub_fragment_data address;
    struct dub_error error = {0};
    bool is_addressed = dub_fragment_address_read(&address, payload, &error);
    if (!is_addressed)
        connection_error(connection, address.stream_id, address.fragment_id, DUB_SEVERITY_ERROR, &error);
    bool admitted = is_addressed && session_admits(connection->session, &address);
    dub_fragment_data_clear(&address);
    return admitted;
}

static void on_fragment(struct connection *connection, JsonNode *payload)
{
    struct dub_fragment_data fragment;
    struct dub_error error = {0};
    if (!is_admitted(connection, payload))
        return;
    bool good = dub_fragment_data_read(&fragment, payload, &error);
    /* Only bad audio takes its turn; anything else is a refusal. */
    bool takes_turn =
        error.code == DUB_ERROR_INVALID_AUDIO_FORMAT || error.code == DUB_ERROR_FRAGMENT_TOO_LARGE;
    if (good || takes_turn)
        session_fragment(connection->session, &fragment, good ? NULL : &error);
    else
        connection_error(connection, fragment.stream_id, fragment.fragment_id, DUB_SEVERITY_ERROR, &error);
    dub_fragment_data_clear(&fragment);
}

/* The worker's acknowledgement is for the record: nothing waits for it. */
static void on_ack(struct connection *connection, JsonNode *payload)
{
    struct dub_fragment_ack ack;
    struct dub_error error;
    if (!dub_worker_ack_read(&ack, payload, &error)) {
        connection_error(connection, session_stream_id(connection->session), NULL, DUB_SEVERITY_WARNING,
                         &error);
    } else {
        struct dub_log_context context = {.stream_id = session_stream_id(connection->session),
                                          .fragment_id = ack.fragment_id};
        dub_log(DUB_LOG_DEBUG, &context, "worker says: %s", dub_ack_status_name(ack.status));
    }
    dub_fragment_ack_clear(&ack);
}

/* Reads stream:pause, :resume or :end and checks that it is about the stream of this connection. */
static bool read_control(struct connection *connection, JsonNode *payload, struct dub_stream_control *control)
{
    struct dub_error error;
    bool read = dub_stream_control_read(control, payload, &error);
    if (read && g_strcmp0(control->stream_id, session_stream_id(connection->session)) == 0)
        return true;
    if (read)
        dub_error_set(&error, DUB_ERROR_STREAM_NOT_FOUND, "this connection carries the stream %s, not %s",
                      session_stream_id(connection->session), control->stream_id);
    connection_error(connection, control->stream_id, NULL, DUB_SEVERITY_ERROR, &error);
    return false;
}

static void on_pause(struct connection *connection, JsonNode *payload)
{
    struct dub_stream_control control;
    if (read_control(connection, payload, &control))
        session_pause(connection->session);
    dub_stream_control_clear(&control);
}

static void on_resume(struct connection *connection, JsonNode *payload)
{
    struct dub_stream_control control;
    if (read_control(connection, payload, &control))
        session_resume(connection->session);
    dub_stream_control_clear(&control);
}

static void on_end(struct connection *connection, JsonNode *payload)
{
    struct dub_stream_control control;
    if (read_control(connection, payload, &control))
        session_end(connection->session, control.reason);
    dub_stream_control_clear(&control);
}

static bool may_simulate(const struct connection *connection, struct dub_error *error)
{
    return connection->owner->config.echo ||
           dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                         "simulation is served in echo mode only (--mode echo)");
}

static void on_error_simulation(struct connection *connection, JsonNode *payload)
{
    struct dub_error_simulation simulation = {0};
    struct dub_error error;
    struct dub_error_simulation_ack ack = {0};

    if (may_simulate(connection, &error) && dub_error_simulation_read(&simulation, payload, &error)) {
        ack.configured = true;
        ack.rules_count = (int)simulation.n_rules;
        dub_error_simulation_clear(&connection->simulation.errors);
        connection->simulation.errors = simulation;
        simulation = (struct dub_error_simulation){0};
    } else {
        ack.error_message = error.message;
    }
    connection_emit(connection, DUB_EVENT_ERROR_SIMULATION_ACK, dub_error_simulation_ack_to_json(&ack));
    dub_error_simulation_clear(&simulation);
}

static void on_backpressure_simulation(struct connection *connection, JsonNode *payload)
{
    struct dub_backpressure_simulation simulation;
    struct dub_error error;
    if (!may_simulate(connection, &error) ||
        !dub_backpressure_simulation_read(&simulation, payload, &error)) {
        connection_error(connection, NULL, NULL, DUB_SEVERITY_ERROR, &error);
        return;
    }
    connection->simulation.pressure = simulation;
    if (connection->session)
        session_simulation_changed(connection->session);
}

/* The events that a worker may send. Reading and checking the payload is each handler's first act. */
static const struct handler {
    const char *event;
    bool needs_stream; /* before stream:init it is answered with STREAM_NOT_FOUND */
    void (*handle)(struct connection *connection, JsonNode *payload);
} handlers[] = {
    {DUB_EVENT_STREAM_INIT, false, on_init},
    {DUB_EVENT_FRAGMENT_DATA, true, on_fragment},
    {DUB_EVENT_FRAGMENT_ACK, true, on_ack},
    {DUB_EVENT_STREAM_PAUSE, true, on_pause},
    {DUB_EVENT_STREAM_RESUME, true, on_resume},
    {DUB_EVENT_STREAM_END, true, on_end},
    {DUB_EVENT_ERROR_SIMULATION, false, on_error_simulation},
    {DUB_EVENT_BACKPRESSURE_SIMULATION, false, on_backpressure_simulation},
};

static const struct handler *find_handler(const char *event)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (g_str_equal(handlers[i].event, event))
            return &handlers[i];
    }
    return NULL;
}

static bool may_handle(const struct connection *connection, const struct handler *handler,
                       const struct dub_sio_event *event, struct dub_error *error)
{
    if (event->attachments)
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%s must not carry binary attachments",
                             event->name);
    if (json_array_get_length(event->args) != 1 || !dub_sio_event_object(event, 0))
        return dub_error_set(error, DUB_ERROR_INVALID_CONFIG, "%s must carry exactly one JSON object",
                             event->name);
    if (handler->needs_stream && !connection->session)
        return dub_error_set(error, DUB_ERROR_STREAM_NOT_FOUND, "%s before stream:init", event->name);
    return true;
}

/* The id that a refused payload gives itself, so that the sender knows what was refused; NULL: none. */
static const char *fragment_of(const struct dub_sio_event *event)
{
    JsonObject *object = dub_sio_event_object(event, 0);
    JsonNode *node = object ? json_object_get_member(object, "fragment_id") : NULL;
    const char *id = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
    return id && dub_uuid_is_valid(id) ? id : NULL;
}

/* Beyond the rate an event is answered, not worked on; a client that does not slow down is closed. */
static bool is_within_rate(struct connection *connection, const struct dub_sio_event *event)
{
    struct dub_error error;
    if (rate_limit_allows(&connection->rate, connection->active_ns))
        return true;
    dub_error_set(&error, DUB_ERROR_RATE_LIMIT_EXCEEDED, "more than %.0f events a second; send less",
                  connection->rate.per_second);
    if (rate_limit_is_flooded(&connection->rate))
        connection_end(connection, &error);
    else
        connection_error(connection, connection_stream(connection), fragment_of(event), DUB_SEVERITY_ERROR,
                         &error);
    return false;
}

static void dispatch(struct connection *connection, const struct dub_sio_event *event)
{
    const struct handler *handler = find_handler(event->name);
    struct dub_error error;

    if (!handler) {
        g_autofree char *shown = g_utf8_substring(event->name, 0, MIN(g_utf8_strlen(event->name, -1), 64));
        dub_error_set(&error, DUB_ERROR_INVALID_CONFIG, "unknown event \"%s\"", shown);
    } else if (may_handle(connection, handler, event, &error)) {
        handler->handle(connection, json_array_get_element(event->args, 0));
        return;
    }
    connection_error(connection, connection_stream(connection), fragment_of(event), DUB_SEVERITY_ERROR,
                     &error);
}

void connection_handle(struct connection *connection, const struct dub_sio_event *event)
{
    if (connection->is_ending)
        return;
    connection->active_ns = dub_clock_now_ns(connection->owner->config.clock);
    if (is_within_rate(connection, event))
        dispatch(connection, event);
    /* Only who asked for one gets it: it says that the event was read, its answer is an event of its own. */
    dub_sio_socket_ack(connection->socket, event->ack_id, NULL, NULL);
}
