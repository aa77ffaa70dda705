/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../tests/rtmp_client.h"
#include "../tests/tls_files.h"

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

static void send_config(struct client *client, uint8_t type, uint32_t timestamp_ms, uint8_t last)
{
    const uint8_t avc[] = {0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe0, last};
    const uint8_t aac[] = {0xaf, 0, 0x11, last};
    if (type == RTMP_VIDEO)
        rtmp_peer_send(&client->peer, RTMP_VIDEO_CSID, type, timestamp_ms, avc, sizeof avc);
    else
        rtmp_peer_send(&client->peer, RTMP_AUDIO_CSID, type, timestamp_ms, aac, sizeof aac);
}

/* New sequence headers in mid-stream: who reads gets them where they stand; who comes later gets the newest,
 * and nothing that was made with an older one. */
static void test_sequence_headers_change(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, early, late, latest;
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&early, fixture, "in");
    client_send_frames(&publisher, 0, 2, 100);
    send_config(&publisher, RTMP_AUDIO, 80, 0x11);
    client_send_frames(&publisher, 2, 1, 100);
    TURN_UNTIL(early.n_video == 3 && early.n_audio == 5, &publisher, &early);
    g_assert_cmpstr(early.order->str, ==, "V00 S90 K A P A S11 P A ");
    client_start_reader(&late, fixture, "in");
    TURN_UNTIL(late.n_video == 3 && late.n_audio == 2, &publisher, &early, &late);
    g_assert_cmpstr(late.order->str, ==, "V00 S11 K P P A ");
    send_config(&publisher, RTMP_VIDEO, 400, 0x22);
    client_send_frames(&publisher, 10, 1, 100);
    TURN_UNTIL(early.n_video == 4 && early.n_audio == 6, &publisher, &early, &late);
    g_assert_cmpstr(early.order->str, ==, "V00 S90 K A P A S11 P A V22 K A ");
    client_start_reader(&latest, fixture, "in");
    TURN_UNTIL(latest.n_audio == 2, &publisher, &early, &late, &latest);
    g_assert_cmpstr(latest.order->str, ==, "V22 S11 K A ");
    client_clear(&latest);
    client_clear(&late);
    client_clear(&early);
    client_clear(&publisher);
}

static const struct stream *stream_of(const struct server_fixture *fixture)
{
    return &router_find_path(fixture->router, "live/in")->stream;
}

static void send_sound(struct client *client, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        rtmp_peer_send_audio(&client->peer, 100 * i, 50);
}

/* A camera that is switched on after the microphone: the path is ready without it, readers get it when it
 * comes. */
static void test_video_joins_later(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, early, late;
    client_start(&publisher, fixture, "publish", "in");
    TURN_UNTIL(client_has_status(&publisher, "NetStream.Publish.Start"), &publisher);
    rtmp_peer_send_metadata(&publisher.peer, true, true);
    rtmp_peer_send_configs(&publisher.peer, false, true);
    send_sound(&publisher, 0, 11);
    TURN_UNTIL(router_find_path(fixture->router, "live/in")->ready, &publisher);
    g_assert_false(stream_has_video(stream_of(fixture)));
    client_start_reader(&early, fixture, "in");
    send_sound(&publisher, 11, 1);
    TURN_UNTIL(early.n_audio == 2, &publisher, &early);
    rtmp_peer_send_configs(&publisher.peer, true, false);
    rtmp_peer_send_video(&publisher.peer, 1200, true, 100);
    send_sound(&publisher, 12, 1);
    TURN_UNTIL(early.n_video == 1 && early.n_audio == 3, &publisher, &early);
    g_assert_cmpstr(early.order->str, ==, "S90 A V00 K A ");
    client_start_reader(&late, fixture, "in");
    TURN_UNTIL(late.n_video == 1 && late.n_audio == 2, &publisher, &early, &late);
    g_assert_cmpstr(late.order->str, ==, "V00 S90 K A ");
    client_clear(&late);
    client_clear(&early);
    client_clear(&publisher);
}

/* And the other way round, without metadata. */
static void test_audio_joins_later(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    client_start(&publisher, fixture, "publish", "in");
    TURN_UNTIL(client_has_status(&publisher, "NetStream.Publish.Start"), &publisher);
    rtmp_peer_send_configs(&publisher.peer, true, false);
    for (unsigned i = 0; i < 27; i++)
        rtmp_peer_send_video(&publisher.peer, 40 * i, i % 10 == 0, 100);
    TURN_UNTIL(router_find_path(fixture->router, "live/in")->ready, &publisher);
    g_assert_cmpint(stream_of(fixture)->audio.codec, ==, FLV_CODEC_NONE);
    client_start_reader(&reader, fixture, "in");
    TURN_UNTIL(reader.n_video == 7, &publisher, &reader);
    rtmp_peer_send_configs(&publisher.peer, false, true);
    send_sound(&publisher, 11, 2);
    TURN_UNTIL(reader.n_audio == 3, &publisher, &reader);
    g_assert_cmpstr(reader.order->str, ==, "V00 K P P P P P P S90 A A ");
    client_clear(&reader);
    client_clear(&publisher);
}

/* 49 days and 17 hours after it began a stream's clock starts again at 0: for readers it goes on. */
static void test_timestamps_wrap(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, reader, late;
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&reader, fixture, "in");
    for (unsigned i = 0; i < 10; i++) {
        rtmp_peer_send_video(&publisher.peer, UINT32_MAX - 99 + 40 * i, i == 0, 1000);
        rtmp_peer_send_audio(&publisher.peer, UINT32_MAX - 99 + 40 * i + 20, 100);
    }
    TURN_UNTIL(reader.n_video == 10 && reader.n_audio == 11, &publisher, &reader);
    g_assert_cmpuint(reader.first_video_ms, ==, UINT32_MAX - 99);
    g_assert_cmpuint(reader.last_video_ms, ==, 260);
    const struct stream *stream = &router_find_path(fixture->router, "live/in")->stream;
    for (guint i = 1; i < stream->gop->len; i++) {
        const struct media_message *before = stream->gop->pdata[i - 1];
        const struct media_message *message = stream->gop->pdata[i];
        g_assert_cmpint(message->dts_ns - before->dts_ns, ==, 20 * DUB_NS_PER_MS);
    }
    client_start_reader(&late, fixture, "in");
    TURN_UNTIL(late.n_video == 10, &publisher, &reader, &late);
    g_assert_cmpuint(late.first_video_ms, ==, UINT32_MAX - 99);
    client_clear(&late);
    client_clear(&reader);
    client_clear(&publisher);
}

static void require_password(struct server_fixture *fixture)
{
    g_ptr_array_set_size(fixture->config->users, 0);
    struct auth_user *anna = auth_users_add(fixture->config->users, "anna", "s3cret", NULL);
    auth_user_permit(anna, "publish", "~^live/", NULL);
    auth_user_permit(anna, "read", "", NULL);
}

/* A refusal takes two seconds, on the fake clock: nothing is said before, and then the reason. */
static void assert_refused(struct server_fixture *fixture, const char *verb, const char *key,
                           const char *status)
{
    struct client client;
    struct rtmp_connection_info info;
    client_start(&client, fixture, verb, key);
    g_autoptr(GPtrArray) list = rtmp_server_list(fixture->server);
    g_autofree char *id = g_strdup(((struct rtmp_connection_info *)list->pdata[0])->id);
    TURN_UNTIL(rtmp_server_find(fixture->server, id, &info) && info.received_bytes > 3072 + 100, &client);
    for (unsigned i = 0; i < 20; i++)
        clients_turn((struct client *[]){&client}, 1);
    g_assert_false(client.eof);
    g_assert_false(client_has_status(&client, status));
    dub_fake_clock_advance(&fixture->clock, AUTH_PAUSE_S * DUB_NS_PER_S);
    TURN_UNTIL(client.eof, &client);
    g_assert_true(client_has_status(&client, status));
    client_clear(&client);
    dub_fake_clock_advance(&fixture->clock, 10 * DUB_NS_PER_S);
    TURN_UNTIL(!rtmp_server_find(fixture->server, id, &info), &client);
}

static void test_wrong_credentials(struct server_fixture *fixture, gconstpointer data)
{
    static const char *const keys[] = {"in", "in?user=anna", "in?user=anna&pass=wrong",
                                       "in?user=any&pass=s3cret"};
    require_password(fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        assert_refused(fixture, "publish", keys[i], "NetStream.Publish.Unauthorized");
        assert_refused(fixture, "play", keys[i], "NetStream.Play.Failed");
    }
    g_assert_null(router_find_path(fixture->router, "live/in"));
}

/* Whoever sees the query later, in hooks, logs and the API, does not see the password. */
static void test_right_credentials(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    require_password(fixture);
    client_start_publisher(&publisher, fixture, "in?lang=es&user=anna&pass=s3cret");
    client_start_reader(&reader, fixture, "in?pass=s3%63ret&user=anna");
    client_send_frames(&publisher, 0, 1, 1000);
    TURN_UNTIL(reader.n_video == 1, &publisher, &reader);
    g_assert_cmpstr(router_find_path(fixture->router, "live/in")->query, ==, "lang=es&user=anna&pass=***");
    g_autoptr(GPtrArray) list = rtmp_server_list(fixture->server);
    g_assert_cmpstr(((struct rtmp_connection_info *)list->pdata[0])->query, ==, "lang=es&user=anna&pass=***");
    g_assert_cmpstr(((struct rtmp_connection_info *)list->pdata[1])->query, ==, "pass=***&user=anna");
    client_clear(&reader);
    client_clear(&publisher);
}

static void set_text(char **target, const char *value)
{
    g_free(*target);
    *target = g_strdup(value);
}

static void test_encryption_modes(struct server_fixture *fixture, gconstpointer data)
{
    struct tls_files files;
    struct dub_error error = {0};
    struct router_config *config = fixture->config;
    tls_files_make(&files);
    set_text(&config->rtmps_address, "127.0.0.1:0");
    set_text(&config->rtmp_server_cert, files.certificate);
    set_text(&config->rtmp_server_key, files.key);
    for (config->rtmp_encryption = ROUTER_ENCRYPTION_NO; config->rtmp_encryption <= ROUTER_ENCRYPTION_STRICT;
         config->rtmp_encryption++) {
        struct rtmp_server *server = rtmp_server_new(fixture->router, config, &fixture->clock.clock, &error);
        g_assert_nonnull(server);
        g_assert_true((rtmp_server_port(server) != 0) ==
                      (config->rtmp_encryption != ROUTER_ENCRYPTION_STRICT));
        g_assert_true((rtmp_server_encrypted_port(server) != 0) ==
                      (config->rtmp_encryption != ROUTER_ENCRYPTION_NO));
        rtmp_server_free(server);
    }
    config->rtmp_encryption = ROUTER_ENCRYPTION_OPTIONAL;
    set_text(&config->rtmp_server_key, "/nonexistent.key");
    g_assert_null(rtmp_server_new(fixture->router, config, &fixture->clock.clock, &error));
    g_assert_nonnull(strstr(error.message, "rtmpServerKey"));
    g_assert_nonnull(strstr(error.message, "/nonexistent.key"));
    tls_files_clear(&files);
}

static guint count_connections(struct rtmp_server *server)
{
    g_autoptr(GPtrArray) list = rtmp_server_list(server);
    return list->len;
}

/* A plain client at the encrypted port, and one that says nothing there: they end, nobody else does. */
static void test_noise_at_the_encrypted_port(struct server_fixture *fixture, gconstpointer data)
{
    struct tls_files files;
    struct server_fixture encrypted = *fixture;
    struct client plain, mute, publisher;
    tls_files_make(&files);
    set_text(&fixture->config->rtmps_address, "127.0.0.1:0");
    set_text(&fixture->config->rtmp_server_cert, files.certificate);
    set_text(&fixture->config->rtmp_server_key, files.key);
    fixture->config->rtmp_encryption = ROUTER_ENCRYPTION_STRICT;
    encrypted.server = rtmp_server_new(fixture->router, fixture->config, &fixture->clock.clock, NULL);
    client_start_publisher(&publisher, fixture, "in");
    client_connect_to(&plain, rtmp_server_encrypted_port(encrypted.server));
    TURN_UNTIL(plain.eof && count_connections(encrypted.server) == 0, &plain, &publisher);
    client_connect_to(&mute, rtmp_server_encrypted_port(encrypted.server));
    rtmp_chunk_writer_clear(&mute.peer.writer);
    rtmp_chunk_writer_init(&mute.peer.writer);
    TURN_UNTIL(count_connections(encrypted.server) == 1, &mute, &publisher);
    dub_fake_clock_advance(&fixture->clock, 6 * DUB_NS_PER_S);
    client_send_frames(&publisher, 0, 1, 100);
    const struct router_path *path = router_find_path(fixture->router, "live/in");
    TURN_UNTIL(path->inbound_bytes >= 200, &publisher, &mute);
    dub_fake_clock_advance(&fixture->clock, 5 * DUB_NS_PER_S);
    TURN_UNTIL(mute.eof, &mute, &publisher);
    g_assert_false(publisher.eof);
    client_clear(&mute);
    client_clear(&plain);
    client_clear(&publisher);
    rtmp_server_free(encrypted.server);
    tls_files_clear(&files);
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
    ADD("sequence-headers-change-in-mid-stream", test_sequence_headers_change);
    ADD("video-joins-later", test_video_joins_later);
    ADD("audio-joins-later", test_audio_joins_later);
    ADD("timestamps-wrap", test_timestamps_wrap);
    ADD("wrong-credentials", test_wrong_credentials);
    ADD("right-credentials", test_right_credentials);
    ADD("encryption-modes", test_encryption_modes);
    ADD("noise-at-the-encrypted-port", test_noise_at_the_encrypted_port);
    return g_test_run();
}
