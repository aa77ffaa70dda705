/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "connections.h"

#include <dubbing_http.h>
#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <dubbing_log.h>

#define CLOSE_DELAY_MS 5000
#define TOKEN_BYTES_MAX 4096
#define MESSAGE_BYTES_MAX (50u * 1024 * 1024)

struct connections {
    struct connections_config config;
    char *api_key;
    struct dub_sio_server *server;
    GHashTable *by_stream; /* borrowed stream id of the session -> struct connection */
};

struct connection {
    struct connections *owner;
    struct dub_sio_socket *socket;
    struct session *session;
    struct simulation simulation;
    guint close_timer;
};

static void emit_to(struct connection *connection, const char *event, JsonNode *take_payload)
{
    dub_sio_socket_emit_take(connection->socket, event, take_payload);
}

/* An error that belongs to no accepted fragment of a session. */
static void emit_error(struct connection *connection, const char *stream_id, const char *fragment_id,
                       enum dub_error_severity severity, const struct dub_error *error)
{
    g_autofree char *error_id = dub_uuid_new();
    struct dub_error_event event = {
        .error_id = error_id,
        .stream_id = (char *)stream_id,
        .fragment_id = (char *)fragment_id,
        .severity = severity,
        .error = *error,
    };
    struct dub_log_context context = {.stream_id = stream_id, .fragment_id = fragment_id};
    dub_log(DUB_LOG_WARN, &context, "%s: %s", dub_error_code_name(error->code), error->message);
    sts_metrics_error(connection->owner->config.metrics, error);
    emit_to(connection, DUB_EVENT_ERROR, dub_error_event_to_json(&event));
}

static void on_session_emit(const char *event, JsonNode *take_payload, void *user)
{
    emit_to(user, event, take_payload);
}

static void forget_session(struct connection *connection)
{
    if (!connection->session)
        return;
    g_hash_table_remove(connection->owner->by_stream, session_stream_id(connection->session));
    g_clear_pointer(&connection->session, session_free);
}

static gboolean on_close_due(gpointer user)
{
    struct connection *connection = user;
    connection->close_timer = 0;
    dub_sio_socket_close_connection(connection->socket);
    return G_SOURCE_REMOVE;
}

static void on_session_completed(void *user)
{
    struct connection *connection = user;
    unsigned delay_ms = connection->owner->config.close_delay_ms;
    connection->close_timer = g_timeout_add(delay_ms ? delay_ms : CLOSE_DELAY_MS, on_close_due, connection);
}

static const struct session_events session_events = {
    .emit = on_session_emit,
    .completed = on_session_completed,
};

/* The newer connection wins: after a broken link the older one may not have noticed yet. */
static void take_over(struct connections *connections, const char *stream_id)
{
    struct connection *older = g_hash_table_lookup(connections->by_stream, stream_id);
    struct dub_error error;
    if (!older)
        return;
    if (!session_is_complete(older->session)) {
        dub_error_set(&error, DUB_ERROR_STREAM_NOT_FOUND,
                      "the stream %s was taken over by a newer connection", stream_id);
        emit_error(older, stream_id, NULL, DUB_SEVERITY_FATAL, &error);
    }
    forget_session(older);
    dub_sio_socket_close_connection(older->socket);
}

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

static void start_session(struct connection *connection, const struct dub_stream_init *init)
{
    struct connections *connections = connection->owner;
    struct session_config config = {
        .processor = connections->config.processor,
        .clock = connections->config.clock,
        .metrics = connections->config.metrics,
        .limits = connections->config.limits,
        .simulation = connections->config.echo ? &connection->simulation : NULL,
    };
    g_clear_handle_id(&connection->close_timer, g_source_remove);
    forget_session(connection);
    take_over(connections, init->stream_id);

    struct dub_log_context context = {.stream_id = init->stream_id};
    dub_log(DUB_LOG_INFO, &context,
            "stream starts: worker %s, %s to %s, voice %s, %d Hz, at most %d in flight", init->worker_id,
            init->config.source_language, init->config.target_language, init->config.voice_profile,
            init->config.sample_rate_hz, init->max_inflight);
    connection->session = session_new(&config, init, &session_events, connection);
    g_hash_table_insert(connections->by_stream, (char *)session_stream_id(connection->session), connection);
}

static void on_init(struct connection *connection, JsonNode *payload)
{
    struct dub_stream_init init;
    struct dub_error error;
    if (dub_stream_init_read(&init, payload, &error) && may_start(connection, &init, &error))
        start_session(connection, &init);
    else
        emit_error(connection, init.stream_id, NULL, DUB_SEVERITY_ERROR, &error);
    dub_stream_init_clear(&init);
}

static void on_fragment(struct connection *connection, JsonNode *payload)
{
    struct dub_fragment_data fragment;
    struct dub_error error = {0};
    bool good = dub_fragment_data_read(&fragment, payload, &error);
    /* Only bad audio of a well-addressed fragment takes its turn; anything else is a refusal. */
    bool takes_turn = fragment.addressed && (error.code == DUB_ERROR_INVALID_AUDIO_FORMAT ||
                                             error.code == DUB_ERROR_FRAGMENT_TOO_LARGE);
    if (good || takes_turn)
        session_fragment(connection->session, &fragment, good ? NULL : &error);
    else
        emit_error(connection, fragment.stream_id, fragment.fragment_id, DUB_SEVERITY_ERROR, &error);
    dub_fragment_data_clear(&fragment);
}

/* The worker's acknowledgement is for the record: nothing waits for it. */
static void on_ack(struct connection *connection, JsonNode *payload)
{
    struct dub_fragment_ack ack;
    struct dub_error error;
    if (!dub_fragment_ack_read(&ack, payload, &error)) {
        emit_error(connection, session_stream_id(connection->session), NULL, DUB_SEVERITY_WARNING, &error);
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
    emit_error(connection, control->stream_id, NULL, DUB_SEVERITY_ERROR, &error);
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
    emit_to(connection, DUB_EVENT_ERROR_SIMULATION_ACK, dub_error_simulation_ack_to_json(&ack));
    dub_error_simulation_clear(&simulation);
}

static void on_backpressure_simulation(struct connection *connection, JsonNode *payload)
{
    struct dub_backpressure_simulation simulation;
    struct dub_error error;
    if (!may_simulate(connection, &error) ||
        !dub_backpressure_simulation_read(&simulation, payload, &error)) {
        emit_error(connection, NULL, NULL, DUB_SEVERITY_ERROR, &error);
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

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    struct connection *connection = dub_sio_socket_user(socket);
    const struct handler *handler = find_handler(event->name);
    struct dub_error error;

    if (!handler) {
        dub_error_set(&error, DUB_ERROR_INVALID_CONFIG, "unknown event \"%.64s\"", event->name);
    } else if (may_handle(connection, handler, event, &error)) {
        handler->handle(connection, json_array_get_element(event->args, 0));
        return;
    }
    const char *stream_id = connection->session ? session_stream_id(connection->session) : NULL;
    emit_error(connection, stream_id, NULL, DUB_SEVERITY_ERROR, &error);
}

static const char *auth_token(JsonNode *auth)
{
    if (!auth || !JSON_NODE_HOLDS_OBJECT(auth))
        return NULL;
    bool failed;
    struct dub_json_reader reader = dub_json_reader_on(auth, DUB_ERROR_AUTH_FAILED, &failed, NULL);
    return dub_json_read_string_or(&reader, "token", TOKEN_BYTES_MAX, NULL);
}

static bool key_matches(const struct connections *connections, const struct dub_eio_handshake *handshake,
                        JsonNode *auth)
{
    if (!connections->api_key || !*connections->api_key)
        return true;
    if (dub_http_bearer_matches(dub_eio_handshake_header(handshake, "Authorization"), connections->api_key))
        return true;
    const char *token = auth_token(auth);
    g_autofree char *bearer = token ? g_strconcat("Bearer ", token, NULL) : NULL;
    return bearer && dub_http_bearer_matches(bearer, connections->api_key);
}

static void fill_refusal(struct dub_sio_refusal *refusal, const char *code, const char *message)
{
    g_strlcpy(refusal->code, code, sizeof(refusal->code));
    g_strlcpy(refusal->message, message, sizeof(refusal->message));
}

static bool header_is_id(const struct dub_eio_handshake *handshake, const char *name)
{
    const char *value = dub_eio_handshake_header(handshake, name);
    return !value || !*value || dub_stream_id_is_valid(value);
}

static bool on_authorize(const struct dub_eio_handshake *handshake, JsonNode *auth,
                         struct dub_sio_refusal *refusal, void *user)
{
    struct connections *connections = user;
    if (!key_matches(connections, handshake, auth)) {
        fill_refusal(
            refusal, dub_error_code_name(DUB_ERROR_AUTH_FAILED),
            "the API key is missing or wrong; send it as auth {\"token\": ...} or as a bearer token");
        sts_metrics_connection(connections->config.metrics, "auth_failed");
        dub_log_warn("connection from %s refused: wrong or missing API key", handshake->remote_address);
        return false;
    }
    if (!header_is_id(handshake, "X-Stream-ID") || !header_is_id(handshake, "X-Worker-ID")) {
        fill_refusal(refusal, dub_error_code_name(DUB_ERROR_INVALID_CONFIG),
                     "X-Stream-ID and X-Worker-ID must be 1 to 64 letters, digits, - or _");
        sts_metrics_connection(connections->config.metrics, "bad_header");
        return false;
    }
    return true;
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    struct connections *connections = user;
    struct connection *connection = g_new0(struct connection, 1);
    connection->owner = connections;
    connection->socket = socket;
    dub_sio_socket_set_user(socket, connection);
    sts_metrics_connection(connections->config.metrics, "accepted");
    dub_log_debug("connection from %s", handshake->remote_address);
}

static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    struct connection *connection = dub_sio_socket_user(socket);
    if (connection->session) {
        struct dub_log_context context = {.stream_id = session_stream_id(connection->session)};
        dub_log(DUB_LOG_INFO, &context, "connection ended: %s", dub_eio_reason_text(reason));
    }
    g_clear_handle_id(&connection->close_timer, g_source_remove);
    forget_session(connection);
    simulation_clear(&connection->simulation);
    dub_sio_socket_set_user(socket, NULL);
    g_free(connection);
}

struct connections *connections_new(SoupServer *soup, const struct connections_config *config)
{
    static const char *const paths[] = {"/socket.io/", "/ws/sts", NULL};
    struct connections *connections = g_new0(struct connections, 1);
    connections->config = *config;
    connections->api_key = g_strdup(config->api_key);
    connections->by_stream = g_hash_table_new(g_str_hash, g_str_equal);

    struct dub_sio_server_config server = {
        .paths = paths,
        .limits = {.ping_interval_ms = config->ping_interval_ms,
                   .ping_timeout_ms = config->ping_timeout_ms,
                   .max_payload_bytes = MESSAGE_BYTES_MAX,
                   .max_connections = config->max_connections},
    };
    connections->server = dub_sio_server_new(soup, &server);
    dub_sio_server_add_namespace(connections->server, &(struct dub_sio_namespace){
                                                          .name = "/",
                                                          .on_authorize = on_authorize,
                                                          .on_connect = on_connect,
                                                          .on_event = on_event,
                                                          .on_disconnect = on_disconnect,
                                                          .user = connections,
                                                      });
    return connections;
}

void connections_free(struct connections *connections)
{
    if (!connections)
        return;
    dub_sio_server_free(connections->server);
    g_hash_table_unref(connections->by_stream);
    g_free(connections->api_key);
    g_free(connections);
}
