/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Peers that are slow, silent, cut off or hostile. */
#include "connection.h"

#include "../tests/rtsp_client.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH "live/in"
#define TCP "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"

static void advance(struct rtsp_fixture *fixture, int64_t by_ns)
{
    dub_fake_clock_advance(&fixture->clock, by_ns);
}

static struct rtsp_connection_info session_of(const struct rtsp_fixture *fixture, const char *state)
{
    struct rtsp_connection_info info = {.state = ""};
    g_autoptr(GPtrArray) sessions = rtsp_server_list_sessions(fixture->server);
    for (guint i = 0; i < sessions->len && strcmp(info.state, state) != 0; i++)
        info = *(struct rtsp_connection_info *)sessions->pdata[i];
    return info;
}

static void test_slow_reader_holds_up_nobody(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, slow, good;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&slow, fixture, PATH);
    rtsp_client_play(&good, fixture, PATH);
    struct router_path *path = router_find_path(fixture->router, PATH);
    slow.stalled = true;
    for (unsigned i = 0; path->readers->len == 2; i++) {
        rtsp_client_send_frames(&publisher, 10 * i, 10, 100000);
        RTSP_TURN_UNTIL(good.n_pictures >= 10 * i + 9, &publisher, &slow, &good);
    }
    g_assert_false(good.has_gap || good.eof || publisher.eof);
    slow.stalled = false;
    RTSP_TURN_UNTIL(slow.eof, &publisher, &slow, &good);
    rtsp_client_clear(&slow);
    rtsp_client_clear(&good);
    rtsp_client_clear(&publisher);
}

/* What did not fit is gone, its numbers are missing, and it goes on with a key frame. */
static void test_stalled_reader_goes_on_at_a_key_frame(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&reader, fixture, PATH);
    struct router_path *path = router_find_path(fixture->router, PATH);
    reader.stalled = true;
    unsigned sent = 0;
    while (session_of(fixture, "read").dropped_messages == 0) {
        uint64_t before = path->inbound_bytes;
        rtsp_client_send_frames(&publisher, sent, 10, 40000);
        sent += 10;
        RTSP_TURN_UNTIL(path->inbound_bytes >= before + 9 * 40000, &publisher, &reader);
    }
    reader.stalled = false;
    while (!reader.has_gap || reader.last_time[0] - reader.first_time[0] < 3600 * (sent - 20)) {
        rtsp_client_send_frames(&publisher, sent++, 1, 3000);
        RTSP_TURN_UNTIL(publisher.pending->len == 0, &publisher, &reader);
    }
    g_assert_true(reader.is_key_after_gap);
    g_assert_false(reader.eof);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

static void test_pause_and_go_on(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&reader, fixture, PATH);
    struct router_path *path = router_find_path(fixture->router, PATH);
    rtsp_client_send_frames(&publisher, 0, 3, 1000);
    RTSP_TURN_UNTIL(reader.n_packets[1] == 3 && reader.n_pictures == 3, &publisher, &reader);
    g_assert_cmpuint(rtsp_client_ask(&reader, "PAUSE", "", "", ""), ==, 200);
    rtsp_client_send_frames(&publisher, 3, 3, 1000);
    RTSP_TURN_UNTIL(path->stream.gop->len == 12, &publisher, &reader);
    g_assert_cmpuint(reader.n_packets[1], ==, 3);
    g_assert_cmpuint(rtsp_client_ask(&reader, "PLAY", "", "", ""), ==, 200);
    RTSP_TURN_UNTIL(reader.n_packets[1] == 6 && reader.n_pictures == 6, &publisher, &reader);
    g_assert_false(reader.has_gap); /* the group of pictures still had what was missed */
    g_assert_cmpuint(reader.n_key_pictures, ==, 1);
    g_assert_cmpuint(rtsp_client_ask(&reader, "PAUSE", "", "", ""), ==, 200);
    rtsp_client_send_frames(&publisher, 6, 16, 1000);
    RTSP_TURN_UNTIL(path->stream.gop->len == 4, &publisher, &reader);
    g_assert_cmpuint(rtsp_client_ask(&reader, "PLAY", "", "", ""), ==, 200);
    RTSP_TURN_UNTIL(reader.n_pictures == 8, &publisher, &reader);
    g_assert_cmpuint(reader.n_key_pictures, ==, 2);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

static void test_one_track_alone(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_connect(&reader, fixture, PATH);
    g_assert_cmpuint(
        rtsp_client_ask(&reader, "SETUP", "/trackID=1", "Transport: RTP/AVP/TCP;interleaved=2-3\r\n", ""), ==,
        200);
    g_assert_cmpuint(rtsp_client_ask(&reader, "PLAY", "", "", ""), ==, 200);
    rtsp_client_send_frames(&publisher, 0, 5, 1000);
    RTSP_TURN_UNTIL(reader.n_packets[1] == 5, &publisher, &reader);
    g_assert_cmpuint(reader.n_packets[0] + reader.n_rtcp[0], ==, 0);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

/* The video where the client wants it, which is not where the packets are made for. */
static void test_channels_of_the_client(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_connect(&reader, fixture, PATH);
    g_assert_cmpuint(
        rtsp_client_ask(&reader, "SETUP", "/trackID=0", "Transport: RTP/AVP/TCP;interleaved=2-3\r\n", ""), ==,
        200);
    g_assert_cmpuint(rtsp_client_ask(&reader, "PLAY", "", "", ""), ==, 200);
    rtsp_client_send_frames(&publisher, 0, 5, 4000);
    RTSP_TURN_UNTIL(reader.n_packets[1] >= 15, &publisher, &reader);
    g_assert_cmpuint(reader.n_packets[0], ==, 0);
    g_assert_cmpuint(reader.n_rtcp[1], ==, 1);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

static void test_publisher_vanishes_in_a_packet(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    const struct linger reset = {1, 0};
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&reader, fixture, PATH);
    rtsp_client_send_frames(&publisher, 0, 3, 1000);
    RTSP_TURN_UNTIL(reader.n_pictures == 3, &publisher, &reader);
    g_assert_cmpint(send(publisher.fd, "$\0\x10\0abc", 7, 0), ==, 7);
    setsockopt(publisher.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    rtsp_client_clear(&publisher);
    RTSP_TURN_UNTIL(reader.has_bye, &reader);
    advance(fixture, 3 * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(reader.eof, &reader);
    rtsp_client_clear(&reader);
}

static void test_garbage_disturbs_nobody(struct rtsp_fixture *fixture, gconstpointer data)
{
    static const char *const noises[] = {"GET / HTTP/1.1\r\nHost x\r\n\r\n", "\x16\x03\x01\n\n",
                                         "nonsense\r\n\r\n"};
    struct rtsp_client publisher, reader, noisy;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&reader, fixture, PATH);
    for (size_t i = 0; i < G_N_ELEMENTS(noises); i++) {
        rtsp_client_connect(&noisy, fixture, "x");
        rtsp_client_send_raw(&noisy, noises[i], strlen(noises[i]));
        RTSP_TURN_UNTIL(noisy.eof, &publisher, &reader, &noisy);
        g_assert_cmpuint(noisy.status, ==, 400);
        rtsp_client_clear(&noisy);
    }
    rtsp_client_connect(&noisy, fixture, "x");
    g_autofree char *endless = g_strnfill(RTSP_MAX_HEAD_BYTES + 1, 'A');
    rtsp_client_send_raw(&noisy, endless, strlen(endless));
    RTSP_TURN_UNTIL(noisy.eof, &publisher, &reader, &noisy);
    rtsp_client_clear(&noisy);
    g_assert_cmpuint(router_counters(fixture->router)->protocol_errors, ==, G_N_ELEMENTS(noises) + 1);
    rtsp_client_send_frames(&publisher, 0, 3, 1000);
    RTSP_TURN_UNTIL(reader.n_pictures == 3, &publisher, &reader);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

/* A publisher whose packets are no RTP, of no track, or cut short keeps its connection and its path. */
static void test_packets_that_are_none(struct rtsp_fixture *fixture, gconstpointer data)
{
    static const char packets[] = "$\0\0\0$\0\0\3abc$\1\0\2xx$\x09\0\1x$\0\0\x0d\x80\x60zz1234ssssx";
    struct rtsp_client publisher, reader;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&reader, fixture, PATH);
    rtsp_client_send_raw(&publisher, packets, sizeof packets - 1);
    rtsp_client_send_frames(&publisher, 0, 3, 1000);
    RTSP_TURN_UNTIL(reader.n_packets[1] == 3, &publisher, &reader);
    g_assert_cmpuint(session_of(fixture, "publish").bad_packets, >=, 2);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

static void test_silent_peers_are_closed(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader, paused, mute, talker;
    rtsp_client_connect(&mute, fixture, "x");
    rtsp_client_connect(&talker, fixture, "x");
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&reader, fixture, PATH);
    rtsp_client_play(&paused, fixture, PATH);
    g_assert_cmpuint(rtsp_client_ask(&paused, "PAUSE", "", "", ""), ==, 200);
    advance(fixture, 9 * DUB_NS_PER_S);
    g_assert_cmpuint(rtsp_client_ask(&talker, "OPTIONS", "", "", ""), ==, 200);
    rtsp_client_send_frames(&publisher, 0, 2, 1000);
    RTSP_TURN_UNTIL(reader.n_pictures >= 1, &publisher, &reader);
    advance(fixture, 2 * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(mute.eof && talker.eof, &mute, &publisher, &reader, &talker);
    g_assert_false(publisher.eof || reader.eof || paused.eof);
    advance(fixture, 9 * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(publisher.eof && reader.has_bye, &publisher, &reader);
    rtsp_client_clear(&mute);
    rtsp_client_clear(&talker);
    rtsp_client_clear(&paused);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

/* Keep-alives are no media. */
static void test_publisher_without_media(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_send_frames(&publisher, 0, 2, 100);
    struct router_path *path = router_find_path(fixture->router, PATH);
    RTSP_TURN_UNTIL(path->stream.gop->len >= 3, &publisher);
    for (unsigned i = 0; i < 3; i++) {
        advance(fixture, 9 * DUB_NS_PER_S);
        g_assert_cmpuint(rtsp_client_ask(&publisher, "GET_PARAMETER", "", "", ""), ==, 200);
    }
    advance(fixture, 5 * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(publisher.eof, &publisher);
    rtsp_client_clear(&publisher);
}

/* A session that is set up and does not play has the time that its Session header names. */
static void test_session_timeout(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_connect(&reader, fixture, PATH);
    g_assert_cmpuint(rtsp_client_ask(&reader, "SETUP", "/trackID=0", TCP, ""), ==, 200);
    for (unsigned i = 0; i < 18; i++) { /* 162 s: a keep-alive is needed on the way */
        advance(fixture, 9 * DUB_NS_PER_S);
        rtsp_client_send_frames(&publisher, i, 1, 100);
        RTSP_TURN_UNTIL(publisher.pending->len == 0, &publisher, &reader);
        g_assert_cmpuint(rtsp_client_ask(&publisher, "GET_PARAMETER", "", "", ""), ==, 200);
        if (i % 6 == 0)
            g_assert_cmpuint(rtsp_client_ask(&reader, "GET_PARAMETER", "", "", ""), ==, 200);
    }
    g_assert_false(reader.eof);
    fixture->config->read_timeout_ns = 1000 * DUB_NS_PER_S; /* the publisher is not what this is about */
    fixture->config->limits.media_ns = 1000 * DUB_NS_PER_S;
    advance(fixture, 61 * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(reader.eof, &publisher, &reader);
    g_assert_false(publisher.eof);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

/* The kernel may take some bytes more now and then: the clock moves until it really takes nothing for 10 s.
 */
static void test_write_timeout(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client publisher, reader;
    rtsp_client_publish(&publisher, fixture, PATH);
    rtsp_client_play(&reader, fixture, PATH);
    struct router_path *path = router_find_path(fixture->router, PATH);
    reader.stalled = true;
    rtsp_client_send_frames(&publisher, 0, 25, 400000);
    RTSP_TURN_UNTIL(path->inbound_bytes > 24 * 400000, &publisher, &reader);
    for (unsigned i = 25; i < 60 && path->readers->len > 0; i++) {
        uint64_t before = path->inbound_bytes;
        advance(fixture, 2 * DUB_NS_PER_S);
        rtsp_client_send_frames(&publisher, i, 1, 100);
        RTSP_TURN_UNTIL(path->inbound_bytes > before, &publisher, &reader);
    }
    RTSP_TURN_UNTIL(path->readers->len == 0, &publisher, &reader);
    g_assert_false(publisher.eof);
    rtsp_client_clear(&reader);
    rtsp_client_clear(&publisher);
}

/* Requests without end from somebody who does not read the replies. */
static void test_replies_that_are_not_fetched(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client flood;
    const char *request = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    rtsp_client_connect(&flood, fixture, "x");
    flood.stalled = true;
    for (unsigned i = 0; i < 200000; i++)
        rtsp_client_send_raw(&flood, request, strlen(request));
    g_autoptr(GPtrArray) list = NULL;
    do {
        struct rtsp_client *all[] = {&flood};
        rtsp_clients_turn(all, 1);
        g_clear_pointer(&list, g_ptr_array_unref);
        list = rtsp_server_list(fixture->server);
    } while (list->len > 0 || flood.pending->len == 200000 * strlen(request));
    rtsp_client_clear(&flood);
}

static guint count_connections(const struct rtsp_fixture *fixture)
{
    g_autoptr(GPtrArray) list = rtsp_server_list(fixture->server);
    return list->len;
}

/* Whoever goes on sending after its last answer is not listened to for long. */
static void test_flood_while_closing(struct rtsp_fixture *fixture, gconstpointer data)
{
    enum { FLOOD_BYTES = 4 << 20 };
    struct rtsp_client flood;
    g_autofree char *noise = g_strnfill(FLOOD_BYTES, 'x');
    rtsp_client_connect(&flood, fixture, "x");
    flood.stalled = true;
    rtsp_client_send_raw(&flood, "nonsense\r\n\r\n", strlen("nonsense\r\n\r\n"));
    rtsp_client_send_raw(&flood, noise, FLOOD_BYTES);
    RTSP_TURN_UNTIL(flood.pending->len < FLOOD_BYTES && count_connections(fixture) == 0, &flood);
    rtsp_client_clear(&flood);
}

static void restrict_users(struct rtsp_fixture *fixture)
{
    g_ptr_array_set_size(fixture->config->users, 0);
    struct auth_user *user = auth_users_add(fixture->config->users, "me", "secret", NULL);
    auth_user_permit(user, "publish", NULL, NULL);
    auth_user_permit(user, "read", NULL, NULL);
}

/* A wrong password is answered, but not at once; whoever names nobody is asked who it is. */
static void test_credentials(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client client;
    restrict_users(fixture);
    rtsp_client_connect(&client, fixture, PATH);
    g_assert_cmpuint(rtsp_client_ask(&client, "DESCRIBE", "", "", ""), ==, 401);
    g_assert_nonnull(rtsp_message_header(&client.reply, "WWW-Authenticate"));
    rtsp_client_send(&client, "DESCRIBE", "", "Authorization: Basic bWU6d3Jvbmc=\r\n", "");
    struct rtsp_connection_info info;
    g_autoptr(GPtrArray) list = rtsp_server_list(fixture->server);
    g_autofree char *id = g_strdup(((struct rtsp_connection_info *)list->pdata[0])->id);
    g_assert_true(rtsp_server_find(fixture->server, id, &info));
    uint64_t before = info.received_bytes;
    RTSP_TURN_UNTIL(rtsp_server_find(fixture->server, id, &info) && info.received_bytes > before, &client);
    g_assert_cmpuint(client.status, ==, 0);
    advance(fixture, (AUTH_PAUSE_S + 1) * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(client.status == 401, &client);
    g_assert_cmpuint(rtsp_client_ask(&client, "DESCRIBE", "", "Authorization: Basic bWU6c2VjcmV0\r\n", ""),
                     ==, 404);
    rtsp_client_clear(&client);
}

/* Requests that stand behind one with a wrong password wait with its answer: each guess has its own pause. */
static void test_guesses_in_a_row(struct rtsp_fixture *fixture, gconstpointer data)
{
    static const char requests[] =
        "DESCRIBE rtsp://h/" PATH " RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic bWU6d3Jvbmc=\r\n\r\n"
        "DESCRIBE rtsp://h/" PATH " RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Basic bWU6d3Jvbmc=\r\n\r\n"
        "DESCRIBE rtsp://h/" PATH " RTSP/1.0\r\nCSeq: 3\r\nAuthorization: Basic bWU6c2VjcmV0\r\n\r\n";
    struct rtsp_client client, other;
    restrict_users(fixture);
    rtsp_client_connect(&other, fixture, PATH);
    rtsp_client_connect(&client, fixture, PATH);
    rtsp_client_send_raw(&client, requests, strlen(requests));
    RTSP_TURN_UNTIL(client.pending->len == 0, &client);
    g_assert_cmpuint(rtsp_client_ask(&other, "OPTIONS", "", "", ""), ==, 200);
    advance(fixture, (AUTH_PAUSE_S + 1) * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(client.status != 0, &client);
    g_assert_cmpuint(rtsp_client_ask(&other, "OPTIONS", "", "", ""), ==, 200);
    g_assert_cmpuint(client.status, ==, 401);
    g_assert_cmpstr(rtsp_message_header(&client.reply, "CSeq"), ==, "1");
    advance(fixture, (AUTH_PAUSE_S + 1) * DUB_NS_PER_S);
    RTSP_TURN_UNTIL(client.status == 404, &client); /* the right one waits for nobody */
    rtsp_client_clear(&other);
    rtsp_client_clear(&client);
}

/* One that goes away while its answer is held back is let go. */
static void test_held_peer_vanishes(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_client client, other;
    const struct linger reset = {1, 0};
    restrict_users(fixture);
    rtsp_client_connect(&other, fixture, PATH);
    rtsp_client_connect(&client, fixture, PATH);
    rtsp_client_send(&client, "DESCRIBE", "", "Authorization: Basic bWU6d3Jvbmc=\r\n", "");
    g_autoptr(GPtrArray) list = NULL;
    RTSP_TURN_UNTIL(client.pending->len == 0, &client);
    g_assert_cmpuint(rtsp_client_ask(&other, "OPTIONS", "", "", ""), ==, 200);
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    rtsp_client_clear(&client);
    do {
        struct rtsp_client *all[] = {&other};
        rtsp_clients_turn(all, 1);
        g_clear_pointer(&list, g_ptr_array_unref);
        list = rtsp_server_list(fixture->server);
    } while (list->len > 1);
    rtsp_client_clear(&other);
}

/* A picture that does not end counts, and goes with its publisher when others need the memory. */
static void test_unfinished_picture(struct rtsp_fixture *fixture, gconstpointer data)
{
    enum { PACKETS = 2500, PAYLOAD = 1400, RTP_HEADER = 12, FU_A = 0x7c, START_OF_IDR = 0x85 };
    const uint64_t before = media_held_bytes();
    struct rtsp_client hoarder, other;
    rtsp_client_publish(&hoarder, fixture, "live/in");
    rtsp_client_connect(&other, fixture, "live/other");
    for (unsigned i = 0; i < PACKETS; i++) {
        uint8_t packet[4 + RTP_HEADER + PAYLOAD] = {
            '$', 0, (RTP_HEADER + PAYLOAD) >> 8, (RTP_HEADER + PAYLOAD) & 0xff, 0x80, 96};
        uint16_t sequence = hoarder.out_sequence[0]++;
        packet[6] = (uint8_t)(sequence >> 8);
        packet[7] = (uint8_t)sequence;
        packet[15] = 1; /* the SSRC */
        packet[16] = FU_A;
        packet[17] = i == 0 ? START_OF_IDR : START_OF_IDR & 0x1f;
        packet[18] = 0x80;
        rtsp_client_send_raw(&hoarder, packet, sizeof packet);
    }
    RTSP_TURN_UNTIL(media_held_bytes() > before + 3000000, &hoarder);
    g_assert_false(hoarder.eof);
    fixture->config->limits.held_bytes = 16 << 20;
    media_note_held(16 << 20);
    rtsp_client_send(&hoarder, "GET_PARAMETER", "", "", "");
    RTSP_TURN_UNTIL(hoarder.eof, &hoarder);
    media_note_held(-(16 << 20));
    g_assert_cmpuint(router_counters(fixture->router)->out_of_memory, ==, 1);
    rtsp_client_clear(&hoarder);
    RTSP_TURN_UNTIL(media_held_bytes() < before + 1000000, &other);
    rtsp_client_clear(&other);
}

#define ADD(name, function)                                                                                  \
    g_test_add("/connection/" name, struct rtsp_fixture, NULL, rtsp_fixture_setup, function,                 \
               rtsp_fixture_teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("slow-reader-holds-up-nobody", test_slow_reader_holds_up_nobody);
    ADD("stalled-reader-goes-on-at-a-key-frame", test_stalled_reader_goes_on_at_a_key_frame);
    ADD("pause-and-go-on", test_pause_and_go_on);
    ADD("one-track-alone", test_one_track_alone);
    ADD("channels-of-the-client", test_channels_of_the_client);
    ADD("publisher-vanishes-in-a-packet", test_publisher_vanishes_in_a_packet);
    ADD("garbage-disturbs-nobody", test_garbage_disturbs_nobody);
    ADD("packets-that-are-none", test_packets_that_are_none);
    ADD("silent-peers-are-closed", test_silent_peers_are_closed);
    ADD("publisher-without-media", test_publisher_without_media);
    ADD("session-timeout", test_session_timeout);
    ADD("write-timeout", test_write_timeout);
    ADD("replies-that-are-not-fetched", test_replies_that_are_not_fetched);
    ADD("flood-while-closing", test_flood_while_closing);
    ADD("credentials", test_credentials);
    ADD("guesses-in-a-row", test_guesses_in_a_row);
    ADD("held-peer-vanishes", test_held_peer_vanishes);
    ADD("unfinished-picture", test_unfinished_picture);
    return g_test_run();
}
