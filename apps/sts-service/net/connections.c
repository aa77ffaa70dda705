/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "connection.h"

#include "stopping.h"

#include <dubbing_http.h>
#include <dubbing_ids.h>
#include <dubbing_json.h>
#include <dubbing_log.h>
#include <dubbing_text.h>

#define CLOSE_DELAY_MS 5000
#define TOKEN_BYTES_MAX 4096
#define MESSAGE_BYTES_MAX (50u * 1024 * 1024)

static int64_t now_of(const struct connections *connections)
{
    return dub_clock_now_ns(connections->config.clock);
}

void connection_emit(struct connection *connection, const char *event, JsonNode *take_payload)
{
    connection->active_ns = now_of(connection->owner);
    dub_sio_socket_emit_take(connection->socket, event, take_payload);
}

void connection_error(struct connection *connection, const char *stream_id, const char *fragment_id,
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
    if (severity == DUB_SEVERITY_FATAL)
        dub_log(DUB_LOG_WARN, &context, "%s: %s", dub_error_code_name(error->code), error->message);
    else
        refusal_log_write(&connection->refusals, now_of(connection->owner), &context, "%s: %s",
                          dub_error_code_name(error->code), error->message);
    sts_metrics_error(connection->owner->config.metrics, error);
    connection_emit(connection, DUB_EVENT_ERROR, dub_error_event_to_json(&event));
}

void connection_refuse_init(struct connection *connection, const char *stream_id,
                            const struct dub_error *error)
{
    connection->init_refusal = *error;
    connection_error(connection, stream_id, NULL, DUB_SEVERITY_ERROR, error);
}

static void on_session_emit(const char *event, JsonNode *take_payload, void *user)
{
    connection_emit(user, event, take_payload);
}

static void forget_session(struct connection *connection)
{
    if (!connection->session)
        return;
    g_hash_table_remove(connection->owner->by_stream, session_stream_id(connection->session));
    g_clear_pointer(&connection->session, session_free);
}

const char *connection_stream(const struct connection *connection)
{
    return connection->session ? session_stream_id(connection->session) : NULL;
}

/* All but the closing. */
static void end_stream(struct connection *connection, const struct dub_error *error)
{
    g_autofree char *stream_id = g_strdup(connection_stream(connection));
    connection_error(connection, stream_id, NULL, DUB_SEVERITY_FATAL, error);
    connection->is_ending = true;
    forget_session(connection);
}

void connection_end(struct connection *connection, const struct dub_error *error)
{
    end_stream(connection, error);
    dub_sio_socket_close_connection(connection->socket);
}

void connection_send_away(struct connection *connection)
{
    struct dub_error error;
    stopping_error(&error);
    end_stream(connection, &error);
    dub_sio_socket_send_away(connection->socket);
}

static bool is_live(const struct connection *connection)
{
    return connection->session && !session_is_complete(connection->session);
}

static void close_all(struct connections *connections)
{
    GHashTableIter iter;
    void *connection;
    g_clear_handle_id(&connections->finish_timer, g_source_remove);
    g_hash_table_iter_init(&iter, connections->all);
    while (g_hash_table_iter_next(&iter, &connection, NULL)) {
        if (is_live(connection))
            connection_send_away(connection);
    }
    dub_sio_server_close(connections->server);
}

/* When the last stream has finished nobody else is waited for. */
static void close_if_finished(struct connections *connections)
{
    GHashTableIter iter;
    void *connection;
    if (!connections->finish_timer)
        return;
    g_hash_table_iter_init(&iter, connections->all);
    while (g_hash_table_iter_next(&iter, &connection, NULL)) {
        if (is_live(connection))
            return;
    }
    close_all(connections);
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
    g_clear_handle_id(&connection->close_timer, g_source_remove);
    connection->close_timer = g_timeout_add(delay_ms ? delay_ms : CLOSE_DELAY_MS, on_close_due, connection);
    close_if_finished(connection->owner);
}

static gboolean on_drained(gpointer user)
{
    struct connection *connection = user;
    connection->close_timer = 0;
    if (connection->session && session_inflight(connection->session) == 0)
        connection_send_away(connection);
    close_if_finished(connection->owner);
    return G_SOURCE_REMOVE;
}

/* Not from here: no callback may free the session. */
static void on_session_drained(void *user)
{
    struct connection *connection = user;
    if (!connection->close_timer)
        connection->close_timer = g_idle_add(on_drained, connection);
}

static const struct session_events session_events = {
    .emit = on_session_emit,
    .completed = on_session_completed,
    .drained = on_session_drained,
};

/* The newer connection wins: after a broken link the older one may not have noticed yet. */
static void take_over(struct connections *connections, const char *stream_id)
{
    struct connection *older = g_hash_table_lookup(connections->by_stream, stream_id);
    struct dub_error error;
    if (!older)
        return;
    if (session_is_complete(older->session)) {
        forget_session(older);
        dub_sio_socket_close_connection(older->socket);
        return;
    }
    dub_error_set(&error, DUB_ERROR_STREAM_NOT_FOUND, "the stream %s was taken over by a newer connection",
                  stream_id);
    connection_end(older, &error);
}

void connection_start_session(struct connection *connection, const struct dub_stream_init *init)
{
    struct connections *connections = connection->owner;
    struct session_config config = {
        .processor = connections->config.processor,
        .clock = connections->config.clock,
        .metrics = connections->config.metrics,
        .limits = connections->config.limits,
        .work_time = &connections->work_time,
        .refusals = &connection->refusals,
        .simulation = connections->config.echo ? &connection->simulation : NULL,
    };
    g_clear_handle_id(&connection->close_timer, g_source_remove);
    forget_session(connection);
    take_over(connections, init->stream_id);

    struct dub_log_context context = {.stream_id = init->stream_id, .worker_id = init->worker_id};
    dub_log(DUB_LOG_INFO, &context,
            "stream starts: worker %s, %s to %s, voice %s, %d Hz, at most %d in flight", init->worker_id,
            init->config.source_language, init->config.target_language, init->config.voice_profile,
            init->config.sample_rate_hz, init->max_inflight);
    connection->session = session_new(&config, init, &session_events, connection);
    g_hash_table_insert(connections->by_stream, (char *)session_stream_id(connection->session), connection);
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

/* Whoever tries keys is told each time; the log is not. */
static bool refuse_handshake(struct connections *connections, const struct dub_eio_handshake *handshake,
                             const char *result, const struct dub_sio_refusal *refusal)
{
    sts_metrics_connection(connections->config.metrics, result);
    refusal_log_write(&connections->refusals, now_of(connections), NULL, "connection from %s refused: %s: %s",
                      handshake->remote_address, refusal->code, refusal->message);
    return false;
}

static bool on_authorize(const struct dub_eio_handshake *handshake, JsonNode *auth,
                         struct dub_sio_refusal *refusal, void *user)
{
    struct connections *connections = user;
    if (!key_matches(connections, handshake, auth)) {
        fill_refusal(
            refusal, dub_error_code_name(DUB_ERROR_AUTH_FAILED),
            "the API key is missing or wrong; send it as auth {\"token\": ...} or as a bearer token");
        return refuse_handshake(connections, handshake, "auth_failed", refusal);
    }
    if (!header_is_id(handshake, "X-Stream-ID") || !header_is_id(handshake, "X-Worker-ID")) {
        fill_refusal(refusal, dub_error_code_name(DUB_ERROR_INVALID_CONFIG),
                     "X-Stream-ID and X-Worker-ID must be 1 to 64 letters, digits, - or _");
        return refuse_handshake(connections, handshake, "bad_header", refusal);
    }
    return true;
}

static void on_event(struct dub_sio_socket *socket, const struct dub_sio_event *event, void *user)
{
    connection_handle(dub_sio_socket_user(socket), event);
}

static void on_connect(struct dub_sio_socket *socket, const struct dub_eio_handshake *handshake,
                       JsonNode *auth, void *user)
{
    struct connections *connections = user;
    struct connection *connection = g_new0(struct connection, 1);
    connection->owner = connections;
    connection->socket = socket;
    connection->opened_ns = connection->active_ns = now_of(connections);
    rate_limit_init(&connection->rate, connections->config.max_events_per_second, connection->active_ns);
    g_hash_table_add(connections->all, connection);
    dub_sio_socket_set_user(socket, connection);
    sts_metrics_connection(connections->config.metrics, "accepted");
    struct dub_log_context context = {.stream_id = dub_eio_handshake_header(handshake, "X-Stream-ID"),
                                      .worker_id = dub_eio_handshake_header(handshake, "X-Worker-ID")};
    dub_log(DUB_LOG_DEBUG, &context, "connection from %s", handshake->remote_address);
}

/* A client that leaves and comes again brings another WebSocket: what limits a connection would begin anew
 * otherwise. */
static void on_disconnect(struct dub_sio_socket *socket, enum dub_eio_reason reason, void *user)
{
    struct connection *connection = dub_sio_socket_user(socket);
    struct dub_log_context context = {.stream_id = connection_stream(connection)};
    dub_sio_socket_close_connection(socket);
    if (connection->session) {
        context.session_id = session_id(connection->session);
        dub_log(DUB_LOG_INFO, &context, "connection ended: %s", dub_eio_reason_text(reason));
    }
    refusal_log_close(&connection->refusals, &context);
    g_hash_table_remove(connection->owner->all, connection);
    g_clear_handle_id(&connection->close_timer, g_source_remove);
    forget_session(connection);
    simulation_clear(&connection->simulation);
    dub_sio_socket_set_user(socket, NULL);
    close_if_finished(connection->owner);
    g_free(connection);
}

/* What of a refusal's message is said again. */
#define REFUSAL_BYTES_SHOWN 120

static void set_idle_error(struct dub_error *error, const struct connection *connection, double seconds)
{
    const struct dub_error *refusal = &connection->init_refusal;
    if (connection->session)
        dub_error_set(error, DUB_ERROR_TIMEOUT, "no message within %.1f s", seconds);
    else if (refusal->code == DUB_ERROR_NONE)
        dub_error_set(error, DUB_ERROR_TIMEOUT, "no stream:init within %.1f s", seconds);
    else
        dub_error_set(error, DUB_ERROR_TIMEOUT,
                      "no stream:init that could be served within %.1f s; the last was refused: %s: %.*s",
                      seconds, dub_error_code_name(refusal->code),
                      dub_text_cut(refusal->message, REFUSAL_BYTES_SHOWN), refusal->message);
}

/* What a connection says instead of stream:init does not make it a stream. */
static void check_idle(struct connection *connection, int64_t now_ns)
{
    const struct connections_config *config = &connection->owner->config;
    unsigned allowed_ms = connection->session ? config->idle_timeout_ms : config->init_timeout_ms;
    int64_t since_ns = connection->session ? connection->active_ns : connection->opened_ns;
    struct dub_error error;
    bool is_busy = connection->session && session_inflight(connection->session) > 0;
    if (connection->is_ending || is_busy || allowed_ms == 0 || now_ns - since_ns < allowed_ms * DUB_NS_PER_MS)
        return;
    set_idle_error(&error, connection, allowed_ms / 1000.0);
    connection_end(connection, &error);
}

static gboolean on_idle_check(gpointer user)
{
    struct connections *connections = user;
    GHashTableIter iter;
    void *connection;
    /* Closing removes nothing from the table before its on_disconnect, which comes later. */
    g_hash_table_iter_init(&iter, connections->all);
    while (g_hash_table_iter_next(&iter, &connection, NULL))
        check_idle(connection, now_of(connections));
    return G_SOURCE_CONTINUE;
}

/* Often enough to be at most a quarter late. */
static void watch_idle(struct connections *connections)
{
    unsigned init_ms = connections->config.init_timeout_ms, idle_ms = connections->config.idle_timeout_ms;
    unsigned shortest_ms = init_ms && idle_ms ? MIN(init_ms, idle_ms) : MAX(init_ms, idle_ms);
    if (shortest_ms)
        connections->idle_timer = g_timeout_add(CLAMP(shortest_ms / 4, 10, 1000), on_idle_check, connections);
}

struct connections *connections_new(SoupServer *soup, const struct connections_config *config)
{
    static const char *const paths[] = {"/socket.io/", "/ws/sts", NULL};
    struct connections *connections = g_new0(struct connections, 1);
    connections->config = *config;
    connections->api_key = g_strdup(config->api_key);
    connections->by_stream = g_hash_table_new(g_str_hash, g_str_equal);
    connections->all = g_hash_table_new(NULL, NULL);

    struct dub_sio_server_config server = {
        .paths = paths,
        .limits = {.ping_interval_ms = config->ping_interval_ms,
                   .ping_timeout_ms = config->ping_timeout_ms,
                   .max_payload_bytes = MESSAGE_BYTES_MAX,
                   .max_bytes_per_second = config->max_bytes_per_second,
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
    watch_idle(connections);
    return connections;
}

static gboolean on_finish_late(gpointer user)
{
    struct connections *connections = user;
    connections->finish_timer = 0;
    close_all(connections);
    return G_SOURCE_REMOVE;
}

void connections_stop(struct connections *connections, unsigned finish_ms)
{
    GHashTableIter iter;
    void *item;
    connections->is_stopping = true;
    dub_sio_server_refuse(connections->server);
    g_hash_table_iter_init(&iter, connections->all);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        struct connection *connection = item;
        if (is_live(connection))
            session_drain(connection->session);
    }
    connections->finish_timer = g_timeout_add(finish_ms, on_finish_late, connections);
    close_if_finished(connections);
}

static bool are_left(const void *data)
{
    const struct connections *connections = data;
    return !dub_sio_server_is_empty(connections->server);
}

void connections_wait_until_gone(struct connections *connections, unsigned at_most_ms)
{
    while (connections->finish_timer)
        g_main_context_iteration(NULL, TRUE);
    stopping_wait_while(are_left, connections, at_most_ms);
}

void connections_free(struct connections *connections)
{
    if (!connections)
        return;
    g_clear_handle_id(&connections->finish_timer, g_source_remove);
    dub_sio_server_free(connections->server);
    g_clear_handle_id(&connections->idle_timer, g_source_remove);
    refusal_log_close(&connections->refusals, NULL);
    g_hash_table_unref(connections->all);
    g_hash_table_unref(connections->by_stream);
    g_free(connections->api_key);
    g_free(connections);
}
