/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Slow, silent, broken and hostile peers, through a server on a real socket. */
#include "connection.h"

#include "../tests/rtmp_client.h"

#include <string.h>
#include <sys/socket.h>

/* A reader that takes nothing loses the stream; the one beside it gets every frame. */
static void test_slow_reader_holds_up_nobody(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, slow, quick;
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&slow, fixture, "in");
    client_start_reader(&quick, fixture, "in");
    slow.stalled = true;
    unsigned sent = 0;
    while (router_find_path(fixture->router, "live/in")->readers->len == 2 && sent < 5000) {
        client_send_frames(&publisher, sent, 10, 50000);
        sent += 10;
        TURN_UNTIL(quick.n_video == sent, &publisher, &slow, &quick);
    }
    g_assert_cmpuint(router_find_path(fixture->router, "live/in")->readers->len, ==, 1);
    g_assert_cmpuint(router_counters(fixture->router)->too_slow, ==, 1);
    g_assert_cmpuint(router_counters(fixture->router)->discarded, >, 0);
    g_assert_cmpuint(quick.n_video, ==, sent);
    client_clear(&slow);
    client_clear(&quick);
    client_clear(&publisher);
}

/* A reader that pauses and comes back goes on at a key frame. */
static void test_paused_reader_goes_on(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&reader, fixture, "in");
    client_send_frames(&publisher, 0, 1, 1000);
    TURN_UNTIL(reader.n_video == 1, &publisher, &reader);
    reader.stalled = true;
    struct rtmp_connection_info info = {0};
    g_autoptr(GPtrArray) list = rtmp_server_list(fixture->server);
    const char *id = ((struct rtmp_connection_info *)list->pdata[1])->id;
    unsigned sent = 1;
    while (info.dropped_messages == 0 && sent < 5000) {
        client_send_frames(&publisher, sent++, 1, 60000);
        for (unsigned i = 0; i < 20; i++)
            clients_turn((struct client *[]){&publisher, &reader}, 2);
        g_assert_true(rtmp_server_find(fixture->server, id, &info));
    }
    g_assert_cmpuint(info.dropped_messages, >, 0);
    reader.stalled = false;
    sent = (sent + 9) / 10 * 10;
    client_send_frames(&publisher, sent, 10, 1000);
    TURN_UNTIL(reader.last_video_ms == 40 * (sent + 9), &publisher, &reader);
    g_assert_cmpuint(reader.n_video, <, sent);
    client_clear(&reader);
    client_clear(&publisher);
}

static void test_publisher_vanishes_in_a_tag(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&reader, fixture, "in");
    client_send_frames(&publisher, 0, 3, 1000);
    TURN_UNTIL(reader.n_video == 3, &publisher, &reader);
    static const uint8_t half[] = {0x06, 0, 0, 200, 0, 3, 0, 9, 1, 0, 0, 0, 0x27, 1, 0};
    g_assert_cmpint(send(publisher.fd, half, sizeof half, 0), ==, sizeof half);
    struct linger reset = {1, 0};
    setsockopt(publisher.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client_clear(&publisher);
    TURN_UNTIL(reader.eof, &reader);
    g_assert_cmpuint(reader.n_video, ==, 3);
    client_clear(&reader);
}

static void test_garbage_disturbs_nobody(struct server_fixture *fixture, gconstpointer data)
{
    static const char *const noises[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02",
                                         "\xff\xff\xff"};
    struct client publisher, reader, noisy;
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&reader, fixture, "in");
    for (size_t i = 0; i < G_N_ELEMENTS(noises); i++) {
        client_connect(&noisy, fixture);
        g_assert_cmpint(send(noisy.fd, noises[i], strlen(noises[i]), 0), >, 0);
        rtmp_chunk_writer_clear(&noisy.peer.writer); /* no handshake */
        rtmp_chunk_writer_init(&noisy.peer.writer);
        TURN_UNTIL(noisy.eof, &publisher, &reader, &noisy);
        client_clear(&noisy);
    }
    client_start(&noisy, fixture, "publish", "x");
    static const uint8_t too_long[] = {0x07, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0};
    rtmp_chunk_writer_put_raw(&noisy.peer.writer, too_long, sizeof too_long);
    TURN_UNTIL(noisy.eof, &publisher, &reader, &noisy);
    client_clear(&noisy);
    client_send_frames(&publisher, 0, 3, 1000);
    TURN_UNTIL(reader.n_video == 3, &publisher, &reader);
    client_clear(&reader);
    client_clear(&publisher);
}

static void test_deep_amf_ends_the_connection(struct server_fixture *fixture, gconstpointer data)
{
    struct client client;
    g_autoptr(GByteArray) deep = g_byte_array_new();
    for (unsigned i = 0; i < 10000; i++)
        g_byte_array_append(deep, (const uint8_t[]){0x0a, 0, 0, 0, 1}, 5);
    client_connect(&client, fixture);
    TURN_UNTIL(client.peer.handshake == NULL, &client);
    rtmp_peer_send(&client.peer, 3, RTMP_COMMAND_AMF0, 0, deep->data, deep->len);
    TURN_UNTIL(client.eof, &client);
    client_clear(&client);
}

/* The server sees it at its next tick. */
static void advance(struct server_fixture *fixture, int64_t by_ns)
{
    dub_fake_clock_advance(&fixture->clock, by_ns);
}

static void test_silent_peers_are_closed(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, reader, mute;
    client_connect(&mute, fixture);
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&reader, fixture, "in");
    advance(fixture, 9 * DUB_NS_PER_S);
    client_send_frames(&publisher, 0, 1, 1000);
    TURN_UNTIL(reader.n_video == 1, &publisher, &reader);
    advance(fixture, 2 * DUB_NS_PER_S);
    TURN_UNTIL(mute.eof, &mute, &publisher, &reader);
    g_assert_false(publisher.eof);
    g_assert_false(reader.eof); /* readers have nothing to say */
    advance(fixture, 9 * DUB_NS_PER_S);
    TURN_UNTIL(publisher.eof && reader.eof, &publisher, &reader);
    client_clear(&mute);
    client_clear(&reader);
    client_clear(&publisher);
}

/* Who holds a path with a trickle of bytes, of pings or of half a message, is closed all the same. */
static void test_publisher_without_media(struct server_fixture *fixture, gconstpointer data)
{
    static const uint8_t ping[] = {0, 6, 0, 0, 0, 1};
    struct client publisher;
    client_start_publisher(&publisher, fixture, "in");
    client_send_frames(&publisher, 0, 1, 1000);
    struct router_path *path = router_find_path(fixture->router, "live/in");
    TURN_UNTIL(path->inbound_bytes > 1000, &publisher);
    for (unsigned i = 0; i < 6 && !publisher.eof; i++) {
        g_assert_cmpuint(path->readers->len, ==, 0);
        advance(fixture, 5 * DUB_NS_PER_S);
        rtmp_peer_send(&publisher.peer, 2, RTMP_USER_CONTROL, 0, ping, sizeof ping);
        struct rtmp_message *answer = NULL;
        TURN_UNTIL((answer = rtmp_peer_take(&publisher.peer, RTMP_USER_CONTROL)) != NULL, &publisher);
        rtmp_peer_free_message(answer);
    }
    g_assert_false(publisher.eof); /* 30 s are not over yet */
    advance(fixture, DUB_NS_PER_S);
    TURN_UNTIL(publisher.eof, &publisher);
    g_assert_null(router_find_path(fixture->router, "live/in"));
    g_assert_cmpuint(router_counters(fixture->router)->timeouts, ==, 1);
    client_clear(&publisher);
}

/* Every place is taken by peers that do nothing: they go, the oldest first, for those who come. */
static void test_idle_peers_make_room(struct server_fixture *fixture, gconstpointer data)
{
    enum { LIMIT = 5 };
    struct client mute[LIMIT], publisher, reader;
    fixture->config->limits.connections = LIMIT;
    for (unsigned i = 0; i < LIMIT; i++)
        client_connect(&mute[i], fixture);
    TURN_UNTIL(router_counters(fixture->router)->accepted == LIMIT, &mute[0]);
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&reader, fixture, "in");
    TURN_UNTIL(mute[0].eof && mute[1].eof, &mute[0], &mute[1]);
    g_assert_false(mute[2].eof);
    g_assert_cmpuint(router_counters(fixture->router)->replaced, ==, 2);
    for (unsigned i = 0; i < LIMIT; i++)
        client_clear(&mute[i]);
    client_send_frames(&publisher, 0, 3, 1000);
    TURN_UNTIL(reader.n_video == 3, &publisher, &reader);
    client_clear(&reader);
    client_clear(&publisher);
}

/* The kernel may take some bytes more now and then: the clock moves on until it has really taken nothing for
 * 10 s, and the server has seen it. */
static void test_write_timeout(struct server_fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    fixture->config->write_queue_messages = 1 << 16; /* none of them overflows it */
    client_start_publisher(&publisher, fixture, "in");
    client_start_reader(&reader, fixture, "in");
    struct router_path *path = router_find_path(fixture->router, "live/in");
    reader.stalled = true;
    client_send_frames(&publisher, 0, 25, 400000);
    TURN_UNTIL(path->inbound_bytes > 25 * 400000, &publisher, &reader);
    gint64 give_up_us = g_get_monotonic_time() + TURN_DEADLINE_US;
    for (unsigned i = 25; path->readers->len > 0 && g_get_monotonic_time() < give_up_us; i++) {
        uint64_t before = path->inbound_bytes;
        advance(fixture, 2 * DUB_NS_PER_S);
        client_send_frames(&publisher, i, 1, 100);
        TURN_UNTIL(path->inbound_bytes == before + 200, &publisher, &reader);
    }
    g_assert_cmpuint(path->readers->len, ==, 0);
    g_assert_cmpuint(router_counters(fixture->router)->timeouts, ==, 1);
    g_assert_false(publisher.eof);
    client_clear(&reader);
    client_clear(&publisher);
}

/* Each step is as large as a step can be: times do not grow until nothing can hold them. */
/* Unfinished messages count, and go when others need the memory. */
static void test_unfinished_messages_count(struct server_fixture *fixture, gconstpointer data)
{
    enum { MEGABYTES = 5 };
    struct client publisher, hoarder;
    const uint64_t before = media_held_bytes();
    g_autofree uint8_t *zeros = g_malloc0(1 << 20);
    static const uint8_t head[] = {0x02, 0, 0,    0, 0, 0, 4,    1, 0, 0, 0, 0, 0, 0x80,
                                   0,    0, 0x07, 0, 0, 0, 0x60, 0, 0, 9, 1, 0, 0, 0};
    client_start_publisher(&publisher, fixture, "in");
    client_start(&hoarder, fixture, "publish", "x");
    TURN_UNTIL(client_has_status(&hoarder, "NetStream.Publish.Start"), &publisher, &hoarder);
    rtmp_chunk_writer_put_raw(&hoarder.peer.writer, head, sizeof head);
    for (unsigned i = 0; i < MEGABYTES; i++)
        rtmp_chunk_writer_put_raw(&hoarder.peer.writer, zeros, 1 << 20);
    TURN_UNTIL(media_held_bytes() >= before + MEGABYTES * (1 << 20), &publisher, &hoarder);
    g_assert_false(hoarder.eof);
    fixture->config->limits.held_bytes = (int64_t)before + (4 << 20);
    rtmp_chunk_writer_put_raw(&hoarder.peer.writer, zeros, 1000);
    TURN_UNTIL(hoarder.eof, &publisher, &hoarder);
    g_assert_cmpuint(router_counters(fixture->router)->out_of_memory, ==, 1);
    client_clear(&hoarder);
    TURN_UNTIL(media_held_bytes() < before + (1 << 20), &publisher);
    g_assert_false(publisher.eof);
    client_clear(&publisher);
}

static void test_times_that_run_away(struct server_fixture *fixture, gconstpointer data)
{
    enum { COUNT = 5000 };
    const int64_t century_ns = INT64_C(3155760000) * DUB_NS_PER_S;
    struct client publisher;
    client_start_publisher(&publisher, fixture, "in");
    struct router_path *path = router_find_path(fixture->router, "live/in");
    uint64_t before = path->inbound_bytes;
    for (unsigned i = 0; i < COUNT; i++)
        rtmp_peer_send_video(&publisher.peer, i * (uint32_t)INT32_MAX, true, 10);
    TURN_UNTIL(path->inbound_bytes >= before + 10 * COUNT, &publisher);
    const struct media_message *message = path->stream.gop->pdata[0];
    g_assert_cmpint(message->dts_ns, >=, 0);
    g_assert_cmpint(message->dts_ns, <, century_ns);
    client_clear(&publisher);
}

#define ADD(name, function)                                                                                  \
    g_test_add("/connection/" name, struct server_fixture, NULL, server_setup, function, server_teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("slow-reader-holds-up-nobody", test_slow_reader_holds_up_nobody);
    ADD("paused-reader-goes-on-at-a-key-frame", test_paused_reader_goes_on);
    ADD("publisher-vanishes-in-a-tag", test_publisher_vanishes_in_a_tag);
    ADD("garbage-disturbs-nobody", test_garbage_disturbs_nobody);
    ADD("deep-amf-ends-the-connection", test_deep_amf_ends_the_connection);
    ADD("silent-peers-are-closed", test_silent_peers_are_closed);
    ADD("publisher-without-media", test_publisher_without_media);
    ADD("idle-peers-make-room", test_idle_peers_make_room);
    ADD("unfinished-messages-count", test_unfinished_messages_count);
    ADD("times-that-run-away", test_times_that_run_away);
    ADD("write-timeout", test_write_timeout);
    return g_test_run();
}
