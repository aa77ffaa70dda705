/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections over a real socket, in front of the echo, with our own client. */
#include "connections.h"

#include "../echo/echo.h"
#include "../tests/sts_peer.h"

struct stand {
    SoupServer *soup;
    struct sts_metrics metrics;
    struct processor *processor;
    struct connections *connections;
    unsigned port;
};

/* What the tests differ in; processor, clock and metrics are the stand's. */
static struct connections_config config_of(const char *key)
{
    return (struct connections_config){
        .limits = FLOW_DEFAULT_LIMITS,
        .api_key = key,
        .echo = true,
        .max_connections = 8,
        .close_delay_ms = 1,
    };
}

static void open_stand_with(struct stand *stand, struct connections_config config, unsigned delay_ms)
{
    *stand = (struct stand){.soup = soup_server_new(NULL, NULL), .processor = echo_new(delay_ms, NULL)};
    sts_metrics_init(&stand->metrics);
    g_assert_true(soup_server_listen_local(stand->soup, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
    g_autoslist(GUri) uris = soup_server_get_uris(stand->soup);
    stand->port = (unsigned)g_uri_get_port(uris->data);
    config.processor = stand->processor;
    config.clock = dub_clock_monotonic();
    config.metrics = &stand->metrics;
    stand->connections = connections_new(stand->soup, &config);
}

static void open_stand(struct stand *stand, const char *key)
{
    open_stand_with(stand, config_of(key), 0);
}

static void close_stand(struct stand *stand)
{
    connections_free(stand->connections);
    echo_free(stand->processor);
    sts_metrics_clear(&stand->metrics);
    g_object_unref(stand->soup);
}

static void test_echo(void)
{
    struct stand stand;
    open_stand(&stand, NULL);
    struct sts_peer peer;
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    sts_peer_send_init(&peer);
    sts_peer_send_fragment(&peer, 0, STS_PEER_UUID(0));
    sts_peer_send_fragment(&peer, 1, STS_PEER_UUID(1));
    sts_peer_send_fragment(&peer, 3, STS_PEER_UUID(3));
    wait_until(peer.n_processed == 2 && peer.n_errors == 1);
    g_autoptr(GBytes) sent = sts_peer_audio();
    g_assert_true(g_bytes_equal(peer.processed[1].dubbed_audio.data, sent));
    g_assert_cmpstr(peer.processed[1].fragment_id, ==, STS_PEER_UUID(1));
    g_assert_cmpint(peer.last_error, ==, DUB_ERROR_INVALID_SEQUENCE);
    g_assert_cmpuint(peer.n_acks, ==, 2);
    sts_peer_send_end(&peer);
    wait_until(peer.complete);
    wait_until(peer.closed);
    sts_peer_clear(&peer);
    close_stand(&stand);
}

static void test_wrong_key(void)
{
    struct stand stand;
    open_stand(&stand, "secret");
    struct sts_peer peer;
    sts_peer_connect(&peer, stand.port, "wrong");
    wait_until(peer.refused);
    g_assert_cmpstr(peer.refusal, ==, "AUTH_FAILED");
    sts_peer_clear(&peer);
    sts_peer_connect(&peer, stand.port, NULL);
    wait_until(peer.refused);
    sts_peer_clear(&peer);
    sts_peer_connect(&peer, stand.port, "secret");
    wait_until(peer.socket);
    sts_peer_clear(&peer);
    close_stand(&stand);
}

static void test_take_over(void)
{
    struct stand stand;
    open_stand(&stand, NULL);
    struct sts_peer older, newer;
    sts_peer_connect(&older, stand.port, "");
    sts_peer_connect(&newer, stand.port, "");
    wait_until(older.socket && newer.socket);
    sts_peer_send_init(&older);
    sts_peer_send_init(&newer);
    wait_until(older.closed);
    g_assert_cmpint(older.last_severity, ==, DUB_SEVERITY_FATAL);
    sts_peer_send_fragment(&newer, 0, STS_PEER_UUID(0));
    wait_until(newer.n_processed == 1);
    sts_peer_clear(&older);
    sts_peer_clear(&newer);
    close_stand(&stand);
}

static void test_free_with_a_stream(void)
{
    struct stand stand;
    struct sts_peer peer;
    open_stand(&stand, NULL);
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    sts_peer_send_init(&peer);
    close_stand(&stand);
    sts_peer_clear(&peer);
    connections_free(NULL);
}

static void test_no_init_in_time(void)
{
    struct stand stand;
    struct connections_config config = config_of(NULL);
    config.init_timeout_ms = 50;
    open_stand_with(&stand, config, 0);
    struct sts_peer silent, talking;
    sts_peer_connect(&silent, stand.port, "");
    wait_until(silent.socket);
    sts_peer_connect(&talking, stand.port, "");
    wait_until(talking.socket);
    sts_peer_send_init(&talking);
    wait_until(silent.closed);
    g_assert_cmpint(silent.last_error, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(silent.last_severity, ==, DUB_SEVERITY_FATAL);
    g_assert_cmpstr(silent.last_message, ==, "no stream:init within 0.1 s");
    g_assert_false(talking.closed);
    sts_peer_clear(&silent);
    sts_peer_clear(&talking);
    close_stand(&stand);
}

static gboolean send_too_early(gpointer user)
{
    struct sts_peer *peer = user;
    if (!peer->closed)
        sts_peer_send_fragment(peer, 0, STS_PEER_UUID(0));
    return G_SOURCE_CONTINUE;
}

static void test_other_events_are_no_init(void)
{
    struct stand stand;
    struct connections_config config = config_of(NULL);
    struct sts_peer peer;
    config.init_timeout_ms = 100;
    open_stand_with(&stand, config, 0);
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    guint timer = g_timeout_add(10, send_too_early, &peer);
    wait_until(peer.last_error == DUB_ERROR_TIMEOUT);
    g_source_remove(timer);
    wait_until(peer.closed);
    g_assert_cmpuint(peer.n_errors, >, 1);
    sts_peer_clear(&peer);
    close_stand(&stand);
}

/* Work in flight is not idleness: the time counts from its end. */
static void test_idle_stream(void)
{
    struct stand stand;
    struct connections_config config = config_of(NULL);
    config.idle_timeout_ms = 50;
    open_stand_with(&stand, config, 200);
    struct sts_peer peer;
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    sts_peer_send_init(&peer);
    sts_peer_send_fragment(&peer, 0, STS_PEER_UUID(0));
    wait_until(peer.closed);
    g_assert_cmpuint(peer.n_processed, ==, 1);
    g_assert_cmpint(peer.last_error, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.sessions, NULL), ==, 0);
    sts_peer_clear(&peer);
    close_stand(&stand);
}

static void send_ack(struct sts_peer *peer, enum dub_ack_status status)
{
    struct dub_fragment_ack ack = {.fragment_id = (char *)STS_PEER_UUID(0),
                                   .status = status,
                                   .timestamp_ms = 1,
                                   .queue_position = -1,
                                   .estimated_completion_ms = -1};
    dub_sio_socket_emit_take(peer->socket, DUB_EVENT_FRAGMENT_ACK, dub_fragment_ack_to_json(&ack));
}

static void test_rate(void)
{
    struct stand stand;
    struct connections_config config = config_of(NULL);
    config.max_events_per_second = 5;
    open_stand_with(&stand, config, 0);
    struct sts_peer peer;
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    sts_peer_send_init(&peer);
    for (int i = 0; i < 12; i++)
        send_ack(&peer, DUB_ACK_RECEIVED);
    wait_until(peer.n_errors > 0);
    g_assert_cmpint(peer.last_error, ==, DUB_ERROR_RATE_LIMIT_EXCEEDED);
    g_assert_cmpint(peer.last_severity, ==, DUB_SEVERITY_ERROR);
    for (int i = 0; i < 80; i++)
        send_ack(&peer, DUB_ACK_RECEIVED);
    wait_until(peer.closed);
    g_assert_cmpint(peer.last_severity, ==, DUB_SEVERITY_FATAL);
    /* Each refused event got its answer until the last one ended it. */
    g_assert_cmpuint(peer.n_errors, >, 50);
    g_assert_cmpuint(peer.n_errors, <=, 92 - 9);
    sts_peer_clear(&peer);
    close_stand(&stand);
}

static void test_status_of_a_worker(void)
{
    struct stand stand;
    open_stand(&stand, NULL);
    struct sts_peer peer;
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    sts_peer_send_init(&peer);
    send_ack(&peer, DUB_ACK_APPLIED);
    send_ack(&peer, DUB_ACK_QUEUED);
    wait_until(peer.n_errors == 1);
    g_assert_cmpint(peer.last_error, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_cmpint(peer.last_severity, ==, DUB_SEVERITY_WARNING);
    g_assert_cmpstr(peer.last_message, ==, "status: must be received or applied, is \"queued\"");
    sts_peer_clear(&peer);
    close_stand(&stand);
}

static void send_empty_init(struct sts_peer *peer)
{
    JsonNode *nothing = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(nothing, json_object_new());
    dub_sio_socket_emit_take(peer->socket, DUB_EVENT_STREAM_INIT, nothing);
}

/* "no stream:init" would not be true. */
static void test_refused_init_and_no_other(void)
{
    struct stand stand;
    struct connections_config config = config_of(NULL);
    struct sts_peer peer;
    config.init_timeout_ms = 50;
    open_stand_with(&stand, config, 0);
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    send_empty_init(&peer);
    wait_until(peer.closed);
    g_assert_cmpint(peer.last_error, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpstr(peer.last_message, ==,
                    "no stream:init that could be served within 0.1 s; the last was refused: INVALID_CONFIG: "
                    "stream_id: is missing");
    sts_peer_clear(&peer);
    close_stand(&stand);
}

/* What limits a connection would begin anew with another CONNECT on it. */
static void test_who_leaves_is_closed(void)
{
    struct stand stand;
    struct sts_peer peer;
    open_stand(&stand, NULL);
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    sts_peer_send_init(&peer);
    dub_sio_socket_disconnect(peer.socket);
    wait_until(peer.closed);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.sessions, NULL), ==, 0);
    sts_peer_clear(&peer);
    close_stand(&stand);
}

/* What is in flight is answered first, then the stream is told; one that begins only now is told at once. */
static void test_stopping_finishes_what_is_in_flight(void)
{
    struct stand stand;
    struct sts_peer busy, quiet, waiting;
    open_stand_with(&stand, config_of(NULL), 500);
    sts_peer_connect(&busy, stand.port, "");
    sts_peer_connect(&waiting, stand.port, "");
    wait_until(busy.socket && waiting.socket);
    sts_peer_send_init(&busy);
    sts_peer_send_fragment(&busy, 0, STS_PEER_UUID(0));
    wait_until(busy.n_acks == 1);
    connections_stop(stand.connections, 20000);
    send_empty_init(&waiting);
    wait_until(waiting.closed);
    g_assert_cmpint(waiting.last_error, ==, DUB_ERROR_QUEUE_FULL);
    g_assert_cmpint(waiting.last_severity, ==, DUB_SEVERITY_FATAL);
    sts_peer_connect(&quiet, stand.port, "");
    wait_until(quiet.closed);
    g_assert_null(quiet.socket);
    g_assert_cmpuint(busy.n_processed, ==, 0);
    connections_wait_until_gone(stand.connections, 20000);
    wait_until(busy.closed);
    g_assert_cmpuint(busy.n_processed, ==, 1);
    g_assert_cmpint(busy.processed[0].status, ==, DUB_FRAGMENT_SUCCESS);
    g_assert_cmpuint(busy.n_errors, ==, 1);
    g_assert_cmpint(busy.last_error, ==, DUB_ERROR_QUEUE_FULL);
    g_assert_cmpint(busy.last_severity, ==, DUB_SEVERITY_FATAL);
    sts_peer_clear(&busy);
    sts_peer_clear(&quiet);
    sts_peer_clear(&waiting);
    close_stand(&stand);
}

static void test_stopping_does_not_wait_for_ever(void)
{
    struct stand stand;
    struct sts_peer streaming, connected, newcomer;
    open_stand_with(&stand, config_of(NULL), 3600000);
    sts_peer_connect(&streaming, stand.port, "");
    sts_peer_connect(&connected, stand.port, "");
    wait_until(streaming.socket && connected.socket);
    sts_peer_send_init(&streaming);
    sts_peer_send_fragment(&streaming, 0, STS_PEER_UUID(0));
    wait_until(streaming.n_acks == 1);
    connections_stop(stand.connections, 100);
    connections_wait_until_gone(stand.connections, 20000);
    wait_until(streaming.closed && connected.closed);
    g_assert_cmpint(streaming.last_error, ==, DUB_ERROR_QUEUE_FULL);
    g_assert_cmpint(streaming.last_severity, ==, DUB_SEVERITY_FATAL);
    g_assert_cmpuint(connected.n_errors, ==, 0);
    g_assert_cmpfloat(dub_metric_get(stand.metrics.in_flight, NULL), ==, 0);
    sts_peer_connect(&newcomer, stand.port, "");
    wait_until(newcomer.closed);
    sts_peer_clear(&newcomer);
    sts_peer_clear(&streaming);
    sts_peer_clear(&connected);
    close_stand(&stand);
}

static void on_acknowledged(JsonArray *args, GPtrArray *attachments, void *user)
{
    g_assert_nonnull(args);
    *(bool *)user = true;
}

static void test_acknowledgement_on_request(void)
{
    struct stand stand;
    open_stand(&stand, NULL);
    struct sts_peer peer;
    sts_peer_connect(&peer, stand.port, "");
    wait_until(peer.socket);
    bool acknowledged = false;
    dub_sio_socket_emit_ack(peer.socket, "stream:dance", NULL, NULL, 0, on_acknowledged, &acknowledged);
    wait_until(acknowledged && peer.n_errors == 1);
    sts_peer_clear(&peer);
    close_stand(&stand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/connections/echo", test_echo);
    g_test_add_func("/connections/wrong-key-is-refused", test_wrong_key);
    g_test_add_func("/connections/newer-connection-wins", test_take_over);
    g_test_add_func("/connections/free-with-a-stream", test_free_with_a_stream);
    g_test_add_func("/connections/no-stream-in-time-is-closed", test_no_init_in_time);
    g_test_add_func("/connections/other-events-are-no-init", test_other_events_are_no_init);
    g_test_add_func("/connections/idle-stream-is-closed", test_idle_stream);
    g_test_add_func("/connections/rate-is-limited-and-a-flood-closed", test_rate);
    g_test_add_func("/connections/worker-says-received-or-applied", test_status_of_a_worker);
    g_test_add_func("/connections/refused-init-and-no-other", test_refused_init_and_no_other);
    g_test_add_func("/connections/who-leaves-is-closed", test_who_leaves_is_closed);
    g_test_add_func("/connections/stopping-finishes-what-is-in-flight",
                    test_stopping_finishes_what_is_in_flight);
    g_test_add_func("/connections/stopping-does-not-wait-for-ever", test_stopping_does_not_wait_for_ever);
    g_test_add_func("/connections/acknowledgement-on-request", test_acknowledgement_on_request);
    return g_test_run();
}
