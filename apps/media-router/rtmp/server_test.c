/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../tests/rtmp_client.h"

#include <string.h>
#include <sys/socket.h>

static void test_publish_and_read(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, early, late;
    client_start_publisher(&publisher, fixture, "a/in");
    client_start_reader(&early, fixture, "a/in");
    client_send_frames(&publisher, 0, 15, 3000);
    TURN_UNTIL(early.n_video == 15 && early.n_audio == 16, &publisher, &early);
    client_start_reader(&late, fixture, "a/in");
    client_send_frames(&publisher, 15, 5, 70000); /* more than one chunk each */
    TURN_UNTIL(early.n_video == 20 && late.n_video == 10, &publisher, &early, &late);
    g_assert_true(late.first_is_key);
    g_assert_cmpuint(late.first_video_ms, ==, 400);
    g_assert_cmpuint(late.last_video_ms, ==, 760);
    client_clear(&publisher);
    TURN_UNTIL(early.eof && late.eof, &early, &late);
    g_assert_true(client_has_status(&early, "NetStream.Play.UnpublishNotify") ||
                  client_has_status(&early, "NetStream.Play.UnpublishNotify"));
    g_assert_null(router_find_path(fixture->router, "live/a/in"));
    client_clear(&early);
    client_clear(&late);
}

static void test_no_such_stream(struct server_fixture *fixture, gconstpointer data)
{
    struct client reader;
    client_start(&reader, fixture, "play", "nobody");
    TURN_UNTIL(reader.eof, &reader);
    g_assert_true(client_has_status(&reader, "NetStream.Play.StreamNotFound"));
    client_clear(&reader);
}

static void test_newer_publisher_wins(struct server_fixture *fixture, gconstpointer data)
{
    struct client older, newer;
    client_start_publisher(&older, fixture, "in");
    client_start(&newer, fixture, "publish", "in");
    TURN_UNTIL(older.eof, &older, &newer);
    TURN_UNTIL(client_has_status(&newer, "NetStream.Publish.Start"), &newer);
    client_clear(&older);
    client_clear(&newer);
}

static void test_list_and_kick(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher;
    struct rtmp_connection_info info;
    client_start_publisher(&publisher, fixture, "in?user=x");
    g_autoptr(GPtrArray) list = rtmp_server_list(fixture->server);
    g_assert_cmpuint(list->len, ==, 1);
    info = *(struct rtmp_connection_info *)list->pdata[0];
    g_assert_cmpstr(info.state, ==, "publish");
    g_assert_cmpstr(info.path, ==, "live/in");
    g_assert_cmpstr(info.query, ==, "user=x");
    g_assert_true(g_str_has_prefix(info.remote_address, "127.0.0.1:"));
    g_assert_cmpuint(info.received_bytes, >, 3000);
    g_assert_false(rtmp_server_kick(fixture->server, "nobody"));
    g_autofree char *id = g_strdup(info.id);
    g_assert_true(rtmp_server_kick(fixture->server, id));
    g_assert_true(rtmp_server_kick(fixture->server, id)); /* it is still closing */
    TURN_UNTIL(publisher.eof, &publisher);
    shutdown(publisher.fd, SHUT_RDWR);
    TURN_UNTIL(!rtmp_server_find(fixture->server, id, &info), &publisher);
    client_clear(&publisher);
}

static void test_port_in_use(struct server_fixture *fixture, gconstpointer data)
{
    struct dub_error error = {0};
    struct router_config *config = router_config_new();
    g_free(config->rtmp_address);
    config->rtmp_address = g_strdup_printf("127.0.0.1:%u", rtmp_server_port(fixture->server));
    g_assert_null(rtmp_server_new(fixture->router, config, &fixture->clock.clock, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, config->rtmp_address));
    g_free(config->rtmp_address);
    config->rtmp_address = g_strdup("no.such.host.invalid:1");
    g_assert_null(rtmp_server_new(fixture->router, config, &fixture->clock.clock, &error));
    router_config_free(config);
}

#define ADD(name, function)                                                                                  \
    g_test_add("/server/" name, struct server_fixture, NULL, server_setup, function, server_teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("publish-and-read", test_publish_and_read);
    ADD("no-such-stream", test_no_such_stream);
    ADD("newer-publisher-wins", test_newer_publisher_wins);
    ADD("list-and-kick", test_list_and_kick);
    ADD("port-in-use", test_port_in_use);
    return g_test_run();
}
