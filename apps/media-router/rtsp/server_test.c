/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include "../tests/rtp_rig.h"
#include "../tests/rtsp_client.h"
#include "../tests/tls_files.h"

#include <stdio.h>
#include <string.h>

#define PATH "live/in"
#define TCP "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"

static void test_publish_and_read(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, early, late;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&early, fixture, PATH);
    rtsp_client_send_frames(&publisher, 0, 15, 3000);
    RTSP_TURN_UNTIL(early.n_pictures == 15 && early.n_packets[1] == 15, &publisher, &early);
    g_assert_cmpuint(early.n_key_pictures, ==, 2);
    g_assert_cmpuint(early.n_rtcp[0], ==, 1); /* a report before the first packet */
    g_assert_cmpuint(early.n_rtcp[1], ==, 1);
    rtsp_client_play(&late, fixture, PATH);
    rtsp_client_send_frames(&publisher, 15, 5, 70000);
    RTSP_TURN_UNTIL(early.n_pictures == 20 && late.n_pictures == 10, &publisher, &early, &late);
    g_assert_cmpuint(late.n_key_pictures, ==, 1); /* it began with it */
    g_assert_cmpuint(late.last_time[0] - late.first_time[0], ==, 9 * 3600);
    g_assert_cmpuint(early.last_time[0], ==, late.last_time[0]); /* all see the same packets */
    g_assert_cmpuint(early.next_sequence[0], ==, late.next_sequence[0]);
    g_assert_false(early.has_gap || late.has_gap);
    g_assert_cmpuint(rtsp_client_ask(&publisher, "TEARDOWN", "", "", ""), ==, 200);
    RTSP_TURN_UNTIL(early.has_bye && late.has_bye, &publisher, &early, &late);
    g_assert_cmpuint(rtsp_client_ask(&early, "PAUSE", "", "", ""), ==, 200); /* some say good-bye */
    g_assert_cmpuint(rtsp_client_ask(&early, "PLAY", "", "", ""), ==, 200);
    g_assert_cmpuint(rtsp_client_ask(&early, "TEARDOWN", "", "", ""), ==, 200);
    g_assert_false(early.eof || late.eof);
    dub_fake_clock_advance(&fixture->clock, 3 * DUB_NS_PER_S); /* others do not */
    RTSP_TURN_UNTIL(early.eof && late.eof, &publisher, &early, &late);
    g_assert_null(router_find_path(fixture->router, PATH));
    rtsp_client_clear(&publisher);
    rtsp_client_clear(&early);
    rtsp_client_clear(&late);
}

/* What RTP-Info says of video and audio. */
static void read_times(const struct rtsp_client *reader, unsigned time[2])
{
    unsigned sequence;
    const char *info = rtsp_message_header(&reader->reply, "RTP-Info");
    g_auto(GStrv) tracks = g_strsplit(info != NULL ? info : "", ",", -1);
    g_assert_cmpuint(g_strv_length(tracks), ==, 2);
    for (unsigned i = 0; i < 2; i++) {
        g_auto(GStrv) fields = g_strsplit(tracks[i], ";seq=", 2);
        g_assert_cmpuint(g_strv_length(fields), ==, 2);
        g_assert_cmpint(sscanf(fields[1], "%u;rtptime=%u", &sequence, &time[i]), ==, 2);
    }
}

/* RTP-Info names one instant of all tracks: what the first packets are away from it says how far apart they
 * are. */
static void test_where_it_starts(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    unsigned time[2];
    rtsp_client_publish(&publisher, fixture, PATH);
    struct router_path *path = router_find_path(fixture->router, PATH);
    rtsp_client_send_reports(&publisher);
    rtsp_client_send_frames(&publisher, 0, 5, 1000);
    RTSP_TURN_UNTIL(path->stream.gop->len >= 9, &publisher); /* the last picture waits for the next one */
    rtsp_client_play(&reader, fixture, PATH);
    read_times(&reader, time);
    RTSP_TURN_UNTIL(reader.n_packets[0] > 0 && reader.n_packets[1] > 0, &publisher, &reader);
    g_assert_cmpuint(reader.first_time[0] - time[0], ==, 0);
    g_assert_cmpuint(reader.first_time[1] - time[1], >=, 960 - 48); /* 20 ms, to the millisecond */
    g_assert_cmpuint(reader.first_time[1] - time[1], <=, 960 + 48);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

static void close_nothing(struct router_publisher *publisher, const char *reason)
{
}

/* Enhanced RTMP has a FourCC where the composition time stands otherwise. */
static void test_where_enhanced_rtmp_starts(struct rtsp_fixture *fixture, gconstpointer data)
{
    static const struct router_publisher_ops ops = {.type = "rtmpConn", .close = close_nothing};
    struct router_publisher publisher = {.ops = &ops, .id = (char *)"it"};
    struct rtsp_client reader;
    unsigned time[2];
    g_assert_true(router_publish(fixture->router, PATH, "", &publisher, NULL));
    router_write(fixture->router, &publisher,
                 media_message_new(MEDIA_VIDEO, 0,
                                   rtp_rig_bytes("90 61766331 01 42c00c ff e1 0019" RTP_RIG_BASELINE_SPS
                                                 "01 0005" RTP_RIG_BASELINE_PPS)));
    router_write(fixture->router, &publisher, media_message_new(MEDIA_AUDIO, 0, rtp_rig_bytes("af 00 1190")));
    router_write(fixture->router, &publisher,
                 media_message_new(MEDIA_VIDEO, 0, rtp_rig_bytes("91 61766331 000000 00000004 65881122")));
    router_write(fixture->router, &publisher,
                 media_message_new(MEDIA_AUDIO, 20 * DUB_NS_PER_MS, rtp_rig_bytes("af 01 0102")));
    rtsp_client_play(&reader, fixture, PATH);
    read_times(&reader, time);
    RTSP_TURN_UNTIL(reader.n_packets[0] > 0 && reader.n_packets[1] > 0, &reader);
    g_assert_cmpuint(reader.first_time[0] - time[0], ==, 0);
    g_assert_cmpuint(reader.first_time[1] - time[1], ==, 960);
    router_unpublish(fixture->router, &publisher);
    rtsp_client_clear(&reader);
}

static void test_no_such_stream(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client reader;
    rtsp_client_connect(&reader, fixture, "live/nobody");
    g_assert_cmpuint(rtsp_client_ask(&reader, "DESCRIBE", "", "", ""), ==, 404);
    g_assert_nonnull(strstr(rtsp_message_header(&reader.reply, "X-Reason"), "live/nobody"));
    g_assert_cmpuint(rtsp_client_ask(&reader, "SETUP", "/trackID=0", TCP, ""), ==, 404);
    g_assert_false(reader.eof);
    rtsp_client_clear(&reader);
}

static void test_newer_publisher_wins(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client older, newer;
    rtsp_client_publish(&older, fixture, PATH);
    rtsp_client_publish(&newer, fixture, PATH);
    RTSP_TURN_UNTIL(older.eof, &older, &newer);
    g_assert_false(newer.eof);
    rtsp_client_clear(&older);
    rtsp_client_clear(&newer);
}

static void test_older_publisher_stays(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client older, newer;
    struct path_config *entry = fixture->config->paths->pdata[0];
    entry->override_publisher = false;
    rtsp_client_publish(&older, fixture, PATH);
    rtsp_client_connect(&newer, fixture, PATH);
    static const char sdp[] = "v=0\r\ns=x\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n"
                              "a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
                              "config=1190\r\n";
    g_assert_cmpuint(rtsp_client_ask(&newer, "ANNOUNCE", "", "", sdp), ==, 200);
    g_assert_cmpuint(rtsp_client_ask(&newer, "SETUP", "", TCP, ""), ==, 200);
    g_assert_cmpuint(rtsp_client_ask(&newer, "RECORD", "", "", ""), ==, 503);
    g_assert_false(older.eof);
    rtsp_client_clear(&older);
    rtsp_client_clear(&newer);
}

static void test_too_many_readers(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, first, second;
    struct path_config *entry = fixture->config->paths->pdata[0];
    entry->max_readers = 1;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&first, fixture, PATH);
    rtsp_client_connect(&second, fixture, PATH);
    g_assert_cmpuint(rtsp_client_ask(&second, "SETUP", "/trackID=0", TCP, ""), ==, 503);
    rtsp_client_clear(&second);
    rtsp_client_clear(&first);
    rtsp_client_clear(&publisher);
}

static void test_list_and_kick(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, idle;
    struct rtsp_connection_info info;
    rtsp_client_publish(&publisher, fixture, PATH "?user=x&pass=y");
    rtsp_client_connect(&idle, fixture, "x");
    g_assert_cmpuint(rtsp_client_ask(&idle, "OPTIONS", "", "", ""), ==, 200);
    rtsp_client_send_frames(&publisher, 0, 1, 3000);
    struct router_path *path = router_find_path(fixture->router, PATH);
    RTSP_TURN_UNTIL(path->stream.gop->len > 0, &publisher);
    g_autoptr(GPtrArray) connections = rtsp_server_list(fixture->server);
    g_autoptr(GPtrArray) sessions = rtsp_server_list_sessions(fixture->server);
    g_assert_cmpuint(connections->len, ==, 2);
    g_assert_cmpuint(sessions->len, ==, 1);
    info = *(struct rtsp_connection_info *)sessions->pdata[0];
    g_assert_cmpstr(info.state, ==, "publish");
    g_assert_cmpstr(info.path, ==, PATH);
    g_assert_cmpstr(info.query, ==, "user=x&pass=***");
    g_assert_cmpstr(info.session, ==, path->publisher->id);
    g_assert_true(g_str_has_prefix(info.remote_address, "127.0.0.1:"));
    g_assert_cmpuint(info.received_bytes, >, 3000);
    g_assert_cmpuint(info.received_packets, ==, 4);
    g_assert_true(rtsp_server_find(fixture->server, info.id, &info));
    g_assert_false(rtsp_server_find(fixture->server, info.session, &info));
    info = *(struct rtsp_connection_info *)sessions->pdata[0];
    g_assert_true(rtsp_server_find_session(fixture->server, info.session, &info));
    g_assert_false(rtsp_server_kick_session(fixture->server, "nobody"));
    g_autofree char *id = g_strdup(info.session);
    g_assert_true(rtsp_server_kick_session(fixture->server, id));
    RTSP_TURN_UNTIL(publisher.eof, &publisher, &idle);
    rtsp_client_clear(&publisher);
    RTSP_TURN_UNTIL(!rtsp_server_find_session(fixture->server, id, &info), &idle);
    rtsp_client_clear(&idle);
}

static void on_fake_close(struct router_publisher *publisher, const char *reason)
{
}

static bool describes(const struct rtsp_client *client, const char *text)
{
    gsize size;
    const char *body = g_bytes_get_data(client->reply.body, &size);
    return g_strstr_len(body, (gssize)size, text) != NULL;
}

/* A publisher of another protocol goes over to sound that the readers' descriptions do not say: they have to
 * come again, and then are told. */
static void test_sound_that_changes(struct rtsp_fixture *fixture, gconstpointer data)
{
    static const struct router_publisher_ops ops = {"fakeConn", on_fake_close};
    static const uint8_t before[] = {0xaf, 0, 0x11, 0x90}, frame[] = {0xaf, 1, 0x21, 0x10};
    static const uint8_t after[] = {0xaf, 0, 0x12, 0x10};
    struct router_publisher publisher = {.ops = &ops, .id = (char *)"fake"};
    struct rtsp_client reader;
    g_assert_true(router_publish(fixture->router, PATH, "", &publisher, NULL));
    router_write(fixture->router, &publisher,
                 media_message_new(MEDIA_AUDIO, 0, g_bytes_new_static(before, sizeof before)));
    for (int64_t i = 0; i < 3; i++) /* without video it is ready after a second of sound */
        router_write(
            fixture->router, &publisher,
            media_message_new(MEDIA_AUDIO, i * 600 * DUB_NS_PER_MS, g_bytes_new_static(frame, sizeof frame)));
    rtsp_client_connect(&reader, fixture, PATH);
    g_assert_cmpuint(rtsp_client_ask(&reader, "DESCRIBE", "", "", ""), ==, 200);
    g_assert_true(describes(&reader, "/48000/2"));
    g_assert_cmpuint(rtsp_client_ask(&reader, "SETUP", "", TCP, ""), ==, 200); /* the only track */
    g_assert_cmpuint(rtsp_client_ask(&reader, "PLAY", "", "", ""), ==, 200);
    router_write(
        fixture->router, &publisher,
        media_message_new(MEDIA_AUDIO, 2000 * DUB_NS_PER_MS, g_bytes_new_static(after, sizeof after)));
    RTSP_TURN_UNTIL(reader.eof, &reader);
    rtsp_client_clear(&reader);
    rtsp_client_connect(&reader, fixture, PATH);
    g_assert_cmpuint(rtsp_client_ask(&reader, "DESCRIBE", "", "", ""), ==, 200);
    g_assert_true(describes(&reader, "/44100/2"));
    rtsp_client_clear(&reader);
    router_unpublish(fixture->router, &publisher);
}

static void test_port_in_use(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct dub_error error = {0};
    struct rtsp_listener listener;
    g_autofree char *address = g_strdup_printf("127.0.0.1:%u", rtsp_server_port(fixture->server));
    g_assert_false(rtsp_listen(address, &listener, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, address));
}

static unsigned connect_silently(const struct rtsp_fixture *fixture, struct rtsp_client *clients, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        rtsp_client_connect(&clients[i], fixture, "x");
    return n;
}

static guint count(const struct rtsp_fixture *fixture)
{
    g_autoptr(GPtrArray) all = rtsp_server_list(fixture->server);
    return all->len;
}

/* The oldest one without a session makes room; those who play or publish stay. */
static void test_connection_limit(struct rtsp_fixture *fixture, gconstpointer data)
{
    enum { LIMIT = 20 };
    struct rtsp_client clients[LIMIT], one_more;
    fixture->config->limits.connections = LIMIT;
    connect_silently(fixture, clients, LIMIT);
    RTSP_TURN_UNTIL(count(fixture) == LIMIT, &clients[0]);
    rtsp_client_connect(&one_more, fixture, "x");
    RTSP_TURN_UNTIL(clients[0].eof, &clients[0], &one_more);
    g_assert_cmpuint(count(fixture), ==, LIMIT);
    g_assert_cmpuint(rtsp_client_ask(&one_more, "OPTIONS", "", "", ""), ==, 200);
    g_assert_cmpuint(rtsp_client_ask(&clients[7], "OPTIONS", "", "", ""), ==, 200);
    rtsp_client_clear(&one_more);
    for (unsigned i = 0; i < LIMIT; i++)
        rtsp_client_clear(&clients[i]);
}

#define ADD(name, function)                                                                                  \
    g_test_add("/server/" name, struct rtsp_fixture, NULL, rtsp_fixture_setup, function,                     \
               rtsp_fixture_teardown)

static struct rtsp_server *new_encrypted(struct rtsp_fixture *fixture, struct dub_error *error)
{
    struct rtsp_listener none = {.fd = -1};
    struct rtsp_server *server =
        rtsp_server_new(fixture->router, fixture->config, &fixture->clock.clock, none);
    if (rtsp_server_listen_encrypted(server, error))
        return server;
    rtsp_server_free(server);
    return NULL;
}

static void set_text(char **field, const char *text)
{
    g_free(*field);
    *field = g_strdup(text);
}

/* An address of its own; a plain client there ends, and so does the server without a certificate. */
static void test_encryption(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_fixture encrypted = *fixture;
    struct tls_files files;
    struct rtsp_client plain;
    struct dub_error error = {0};
    tls_files_make(&files);
    set_text(&fixture->config->rtsps_address, "127.0.0.1:0");
    set_text(&fixture->config->rtsp_server_key, "/nonexistent.key");
    set_text(&fixture->config->rtsp_server_cert, files.certificate);
    g_assert_null(new_encrypted(fixture, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "rtspServerKey"));
    set_text(&fixture->config->rtsp_server_key, files.key);
    encrypted.server = new_encrypted(fixture, NULL);
    g_assert_cmpuint(rtsp_server_port(encrypted.server), ==, 0);
    g_assert_cmpuint(rtsp_server_encrypted_port(encrypted.server), !=, 0);
    rtsp_client_connect_to(&plain, rtsp_server_encrypted_port(encrypted.server), "live/in");
    rtsp_client_send(&plain, "OPTIONS", "", "", "");
    RTSP_TURN_UNTIL(plain.eof, &plain);
    rtsp_client_clear(&plain);
    rtsp_server_free(encrypted.server);
    tls_files_clear(&files);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("publish-and-read", test_publish_and_read);
    ADD("where-it-starts", test_where_it_starts);
    ADD("where-enhanced-rtmp-starts", test_where_enhanced_rtmp_starts);
    ADD("no-such-stream", test_no_such_stream);
    ADD("newer-publisher-wins", test_newer_publisher_wins);
    ADD("older-publisher-stays", test_older_publisher_stays);
    ADD("too-many-readers", test_too_many_readers);
    ADD("list-and-kick", test_list_and_kick);
    ADD("sound-that-changes", test_sound_that_changes);
    ADD("port-in-use", test_port_in_use);
    ADD("connection-limit", test_connection_limit);
    ADD("encryption", test_encryption);
    return g_test_run();
}
