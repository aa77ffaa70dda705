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

static void open_stand(struct stand *stand, const char *key)
{
    *stand = (struct stand){.soup = soup_server_new(NULL, NULL), .processor = echo_new(0)};
    sts_metrics_init(&stand->metrics);
    g_assert_true(soup_server_listen_local(stand->soup, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
    g_autoslist(GUri) uris = soup_server_get_uris(stand->soup);
    stand->port = (unsigned)g_uri_get_port(uris->data);
    stand->connections = connections_new(stand->soup, &(struct connections_config){
                                                          .processor = stand->processor,
                                                          .clock = dub_clock_monotonic(),
                                                          .metrics = &stand->metrics,
                                                          .limits = FLOW_DEFAULT_LIMITS,
                                                          .api_key = key,
                                                          .echo = true,
                                                          .max_connections = 8,
                                                          .close_delay_ms = 1,
                                                      });
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/connections/echo", test_echo);
    g_test_add_func("/connections/wrong-key-is-refused", test_wrong_key);
    g_test_add_func("/connections/newer-connection-wins", test_take_over);
    g_test_add_func("/connections/free-with-a-stream", test_free_with_a_stream);
    return g_test_run();
}
