/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server on a real socket of the loopback interface, with clients in the same thread. */
#include "server.h"

#include "../tests/rtmp_peer.h"

#include <arpa/inet.h>
#include <dubbing_clock.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_US (10 * G_USEC_PER_SEC)

struct client {
    struct rtmp_peer peer;
    int fd;
    bool eof;     /* the server has closed */
    bool stalled; /* it does not read */
    unsigned n_video, n_audio, n_key;
    uint32_t first_video_ms, last_video_ms;
    bool first_is_key;
};

struct fixture {
    struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct rtmp_server *server;
    struct dub_fake_clock clock;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->config = router_config_new();
    router_config_add_path(fixture->config, ROUTER_ALL_OTHERS);
    g_free(fixture->config->rtmp_address);
    fixture->config->rtmp_address = g_strdup("127.0.0.1:0");
    fixture->config->write_queue_messages = 32;
    fixture->hooks = hook_pool_new(NULL, NULL);
    fixture->router = router_new(fixture->config, fixture->hooks, 0);
    dub_fake_clock_init(&fixture->clock, 0);
    fixture->server = rtmp_server_new(fixture->router, fixture->config, &fixture->clock.clock, NULL);
    g_assert_nonnull(fixture->server);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    rtmp_server_free(fixture->server);
    router_free(fixture->router);
    hook_pool_free(fixture->hooks);
    router_config_free(fixture->config);
}

static void client_connect(struct client *client, const struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)rtmp_server_port(fixture->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    memset(client, 0, sizeof *client);
    rtmp_peer_init(&client->peer);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int small = 4096; /* so that a client that does not read is soon felt */
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    g_assert_cmpint(connect(client->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
}

static void client_clear(struct client *client)
{
    close(client->fd);
    rtmp_peer_clear(&client->peer);
}

static void note_video(struct client *client, const struct rtmp_message *message)
{
    const uint8_t *body = g_bytes_get_data(message->payload, NULL);
    if (body[1] == 0)
        return; /* sequence header */
    if (client->n_video++ == 0) {
        client->first_is_key = body[0] == 0x17;
        client->first_video_ms = message->timestamp_ms;
    }
    client->n_key += body[0] == 0x17;
    client->last_video_ms = message->timestamp_ms;
}

/* Media is counted, everything else is left for the test to take. */
static void count_media(struct client *client)
{
    GList *next;
    for (GList *link = client->peer.messages.head; link != NULL; link = next) {
        struct rtmp_message *message = link->data;
        next = link->next;
        if (message->type != RTMP_VIDEO && message->type != RTMP_AUDIO)
            continue;
        if (message->type == RTMP_VIDEO)
            note_video(client, message);
        else
            client->n_audio++;
        rtmp_peer_free_message(message);
        g_queue_delete_link(&client->peer.messages, link);
    }
}

static void client_receive(struct client *client)
{
    uint8_t buffer[16384];
    ssize_t n = 0;
    while (!client->eof && !client->stalled &&
           (n = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        rtmp_peer_receive(&client->peer, buffer, (size_t)n);
    if (!client->stalled && (n == 0 || (n < 0 && errno == ECONNRESET)))
        client->eof = true;
    g_assert_false(client->peer.broken);
    count_media(client);
}

static void client_send(struct client *client)
{
    struct iovec iov[16];
    unsigned count;
    while (!client->eof && (count = rtmp_chunk_writer_peek(&client->peer.writer, iov, 16)) > 0) {
        struct msghdr header = {.msg_iov = iov, .msg_iovlen = count};
        ssize_t n = sendmsg(client->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            return;
        rtmp_chunk_writer_advance(&client->peer.writer, (size_t)n);
    }
}

/* One round of everything that can move without waiting. */
static void turn(struct client *const *clients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        client_send(clients[i]);
        client_receive(clients[i]);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* Turns until the condition holds; a test that waits too long fails here. */
#define TURN_UNTIL(condition, ...)                                                                           \
    do {                                                                                                     \
        struct client *const all[] = {__VA_ARGS__};                                                          \
        gint64 deadline = g_get_monotonic_time() + DEADLINE_US;                                              \
        bool met;                                                                                            \
        while (!(met = (condition)) && g_get_monotonic_time() < deadline)                                    \
            turn(all, G_N_ELEMENTS(all));                                                                    \
        if (!met)                                                                                            \
            g_error("line %d: waited in vain for " #condition, __LINE__);                                    \
    } while (0)

static bool has_status(struct client *client, const char *expected)
{
    g_autofree char *code = rtmp_peer_take_status(&client->peer);
    return g_strcmp0(code, expected) == 0;
}

static void client_start(struct client *client, const struct fixture *fixture, const char *verb,
                         const char *key)
{
    client_connect(client, fixture);
    TURN_UNTIL(client->peer.handshake == NULL, client);
    rtmp_peer_connect(&client->peer, "live", NULL);
    rtmp_peer_start(&client->peer, verb, key);
}

static void start_publisher(struct client *client, const struct fixture *fixture, const char *key)
{
    client_start(client, fixture, "publish", key);
    TURN_UNTIL(has_status(client, "NetStream.Publish.Start"), client);
    rtmp_peer_send_metadata(&client->peer, true, true);
    rtmp_peer_send_configs(&client->peer, true, true);
    g_autofree char *path = g_strdup_printf("live/%.*s", (int)strcspn(key, "?"), key);
    TURN_UNTIL(router_find_path(fixture->router, path)->ready, client);
}

static void start_reader(struct client *client, const struct fixture *fixture, const char *key)
{
    client_start(client, fixture, "play", key);
    TURN_UNTIL(has_status(client, "NetStream.Play.Reset"), client);
}

/* `count` frames from `first` on, 40 ms apart, a key frame every tenth, sound between. */
static void send_frames(struct client *client, unsigned first, unsigned count, size_t size)
{
    for (unsigned i = first; i < first + count; i++) {
        rtmp_peer_send_video(&client->peer, 40 * i, i % 10 == 0, size);
        rtmp_peer_send_audio(&client->peer, 40 * i + 20, 100);
    }
}

static void test_publish_and_read(struct fixture *fixture, gconstpointer data)
{
    struct client publisher, early, late;
    start_publisher(&publisher, fixture, "a/in");
    start_reader(&early, fixture, "a/in");
    send_frames(&publisher, 0, 15, 3000);
    TURN_UNTIL(early.n_video == 15 && early.n_audio == 16, &publisher, &early);
    start_reader(&late, fixture, "a/in");
    send_frames(&publisher, 15, 5, 70000); /* more than one chunk each */
    TURN_UNTIL(early.n_video == 20 && late.n_video == 10, &publisher, &early, &late);
    g_assert_true(late.first_is_key);
    g_assert_cmpuint(late.first_video_ms, ==, 400);
    g_assert_cmpuint(late.last_video_ms, ==, 760);
    client_clear(&publisher);
    TURN_UNTIL(early.eof && late.eof, &early, &late);
    g_assert_true(has_status(&early, "NetStream.Play.UnpublishNotify") ||
                  has_status(&early, "NetStream.Play.UnpublishNotify"));
    g_assert_null(router_find_path(fixture->router, "live/a/in"));
    client_clear(&early);
    client_clear(&late);
}

static void test_no_such_stream(struct fixture *fixture, gconstpointer data)
{
    struct client reader;
    client_start(&reader, fixture, "play", "nobody");
    TURN_UNTIL(reader.eof, &reader);
    g_assert_true(has_status(&reader, "NetStream.Play.StreamNotFound"));
    client_clear(&reader);
}

/* A reader that takes nothing loses the stream; the one beside it gets every frame. */
static void test_slow_reader_holds_up_nobody(struct fixture *fixture, gconstpointer data)
{
    struct client publisher, slow, quick;
    start_publisher(&publisher, fixture, "in");
    start_reader(&slow, fixture, "in");
    start_reader(&quick, fixture, "in");
    slow.stalled = true;
    unsigned sent = 0;
    while (router_find_path(fixture->router, "live/in")->readers->len == 2 && sent < 5000) {
        send_frames(&publisher, sent, 10, 50000);
        sent += 10;
        TURN_UNTIL(quick.n_video == sent, &publisher, &slow, &quick);
    }
    g_assert_cmpuint(router_find_path(fixture->router, "live/in")->readers->len, ==, 1);
    g_assert_cmpuint(quick.n_video, ==, sent);
    client_clear(&slow);
    client_clear(&quick);
    client_clear(&publisher);
}

/* A reader that pauses and comes back goes on at a key frame. */
static void test_paused_reader_goes_on(struct fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    start_publisher(&publisher, fixture, "in");
    start_reader(&reader, fixture, "in");
    send_frames(&publisher, 0, 1, 1000);
    TURN_UNTIL(reader.n_video == 1, &publisher, &reader);
    reader.stalled = true;
    struct rtmp_connection_info info = {0};
    g_autoptr(GPtrArray) list = rtmp_server_list(fixture->server);
    const char *id = ((struct rtmp_connection_info *)list->pdata[1])->id;
    unsigned sent = 1;
    while (info.dropped_messages == 0 && sent < 5000) {
        send_frames(&publisher, sent++, 1, 60000);
        for (unsigned i = 0; i < 20; i++)
            turn((struct client *[]){&publisher, &reader}, 2);
        g_assert_true(rtmp_server_find(fixture->server, id, &info));
    }
    g_assert_cmpuint(info.dropped_messages, >, 0);
    reader.stalled = false;
    sent = (sent + 9) / 10 * 10;
    send_frames(&publisher, sent, 10, 1000);
    TURN_UNTIL(reader.last_video_ms == 40 * (sent + 9), &publisher, &reader);
    g_assert_cmpuint(reader.n_video, <, sent);
    client_clear(&reader);
    client_clear(&publisher);
}

static void test_publisher_vanishes_in_a_tag(struct fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    start_publisher(&publisher, fixture, "in");
    start_reader(&reader, fixture, "in");
    send_frames(&publisher, 0, 3, 1000);
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

static void test_garbage_disturbs_nobody(struct fixture *fixture, gconstpointer data)
{
    static const char *const noises[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02",
                                         "\xff\xff\xff"};
    struct client publisher, reader, noisy;
    start_publisher(&publisher, fixture, "in");
    start_reader(&reader, fixture, "in");
    for (size_t i = 0; i < G_N_ELEMENTS(noises); i++) {
        client_connect(&noisy, fixture);
        g_assert_cmpint(send(noisy.fd, noises[i], strlen(noises[i]), 0), >, 0);
        noisy.peer.writer.pending_bytes = 0;
        g_queue_clear(&noisy.peer.writer.items);
        TURN_UNTIL(noisy.eof, &publisher, &reader, &noisy);
        client_clear(&noisy);
    }
    client_start(&noisy, fixture, "publish", "x");
    static const uint8_t too_long[] = {0x07, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0};
    rtmp_chunk_writer_put_raw(&noisy.peer.writer, too_long, sizeof too_long);
    TURN_UNTIL(noisy.eof, &publisher, &reader, &noisy);
    client_clear(&noisy);
    send_frames(&publisher, 0, 3, 1000);
    TURN_UNTIL(reader.n_video == 3, &publisher, &reader);
    client_clear(&reader);
    client_clear(&publisher);
}

static void test_deep_amf_ends_the_connection(struct fixture *fixture, gconstpointer data)
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

static void test_newer_publisher_wins(struct fixture *fixture, gconstpointer data)
{
    struct client older, newer;
    start_publisher(&older, fixture, "in");
    client_start(&newer, fixture, "publish", "in");
    TURN_UNTIL(older.eof, &older, &newer);
    TURN_UNTIL(has_status(&newer, "NetStream.Publish.Start"), &newer);
    client_clear(&older);
    client_clear(&newer);
}

/* One tick of the server's timer after the clock has moved. */
static void advance(struct fixture *fixture, int64_t by_ns)
{
    dub_fake_clock_advance(&fixture->clock, by_ns);
}

static void test_silent_peers_are_closed(struct fixture *fixture, gconstpointer data)
{
    struct client publisher, reader, mute;
    client_connect(&mute, fixture);
    start_publisher(&publisher, fixture, "in");
    start_reader(&reader, fixture, "in");
    advance(fixture, 9 * DUB_NS_PER_S);
    send_frames(&publisher, 0, 1, 1000);
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

/* The kernel may take some bytes more now and then: the clock moves until it really takes nothing for 10 s.
 */
static void test_write_timeout(struct fixture *fixture, gconstpointer data)
{
    struct client publisher, reader;
    fixture->config->write_queue_messages = 1000;
    start_publisher(&publisher, fixture, "in");
    start_reader(&reader, fixture, "in");
    struct router_path *path = router_find_path(fixture->router, "live/in");
    reader.stalled = true;
    send_frames(&publisher, 0, 25, 400000);
    TURN_UNTIL(path->inbound_bytes > 25 * 400000, &publisher, &reader);
    for (unsigned i = 25; i < 40; i++) {
        uint64_t before = path->inbound_bytes;
        advance(fixture, 2 * DUB_NS_PER_S);
        send_frames(&publisher, i, 1, 100);
        TURN_UNTIL(path->inbound_bytes == before + 200, &publisher, &reader);
    }
    TURN_UNTIL(path->readers->len == 0, &publisher, &reader);
    g_assert_false(publisher.eof);
    client_clear(&reader);
    client_clear(&publisher);
}

static void test_list_and_kick(struct fixture *fixture, gconstpointer data)
{
    struct client publisher;
    struct rtmp_connection_info info;
    start_publisher(&publisher, fixture, "in?user=x");
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

static void test_port_in_use(struct fixture *fixture, gconstpointer data)
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

#define ADD(name, function) g_test_add("/server/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("publish-and-read", test_publish_and_read);
    ADD("no-such-stream", test_no_such_stream);
    ADD("slow-reader-holds-up-nobody", test_slow_reader_holds_up_nobody);
    ADD("paused-reader-goes-on-at-a-key-frame", test_paused_reader_goes_on);
    ADD("publisher-vanishes-in-a-tag", test_publisher_vanishes_in_a_tag);
    ADD("garbage-disturbs-nobody", test_garbage_disturbs_nobody);
    ADD("deep-amf-ends-the-connection", test_deep_amf_ends_the_connection);
    ADD("newer-publisher-wins", test_newer_publisher_wins);
    ADD("silent-peers-are-closed", test_silent_peers_are_closed);
    ADD("write-timeout", test_write_timeout);
    ADD("list-and-kick", test_list_and_kick);
    ADD("port-in-use", test_port_in_use);
    return g_test_run();
}
