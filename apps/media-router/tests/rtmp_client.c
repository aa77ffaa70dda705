/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtmp_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void server_setup(struct server_fixture *fixture, gconstpointer data)
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

void server_teardown(struct server_fixture *fixture, gconstpointer data)
{
    rtmp_server_free(fixture->server);
    router_free(fixture->router);
    hook_pool_free(fixture->hooks);
    router_config_free(fixture->config);
}

void client_connect(struct client *client, const struct server_fixture *fixture)
{
    client_connect_to(client, rtmp_server_port(fixture->server));
}

void client_connect_to(struct client *client, unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    memset(client, 0, sizeof *client);
    client->order = g_string_new("");
    rtmp_peer_init(&client->peer);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int small = 4096; /* so that a client that does not read is soon felt */
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    g_assert_cmpint(connect(client->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
}

void client_clear(struct client *client)
{
    close(client->fd);
    g_string_free(client->order, TRUE);
    rtmp_peer_clear(&client->peer);
}

static void note_order(struct client *client, const struct rtmp_message *message)
{
    gsize size;
    const uint8_t *body = g_bytes_get_data(message->payload, &size);
    bool is_video = message->type == RTMP_VIDEO;
    if (body[1] == 0)
        g_string_append_printf(client->order, "%c%02x ", is_video ? 'V' : 'S', body[size - 1]);
    else
        g_string_append_printf(client->order, "%c ", !is_video ? 'A' : body[0] == 0x17 ? 'K' : 'P');
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
        note_order(client, message);
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

void clients_turn(struct client *const *clients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        client_send(clients[i]);
        client_receive(clients[i]);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

bool client_has_status(struct client *client, const char *expected)
{
    g_autofree char *code = rtmp_peer_take_status(&client->peer);
    return g_strcmp0(code, expected) == 0;
}

void client_start(struct client *client, const struct server_fixture *fixture, const char *verb,
                  const char *key)
{
    client_connect(client, fixture);
    TURN_UNTIL(client->peer.handshake == NULL, client);
    rtmp_peer_connect(&client->peer, "live", NULL);
    rtmp_peer_start(&client->peer, verb, key);
}

void client_start_publisher(struct client *client, const struct server_fixture *fixture, const char *key)
{
    client_start(client, fixture, "publish", key);
    TURN_UNTIL(client_has_status(client, "NetStream.Publish.Start"), client);
    rtmp_peer_send_metadata(&client->peer, true, true);
    rtmp_peer_send_configs(&client->peer, true, true);
    g_autofree char *path = g_strdup_printf("live/%.*s", (int)strcspn(key, "?"), key);
    TURN_UNTIL(router_find_path(fixture->router, path)->ready, client);
}

void client_start_reader(struct client *client, const struct server_fixture *fixture, const char *key)
{
    client_start(client, fixture, "play", key);
    TURN_UNTIL(client_has_status(client, "NetStream.Play.Reset"), client);
}

void client_send_frames(struct client *client, unsigned first, unsigned count, size_t size)
{
    for (unsigned i = first; i < first + count; i++) {
        rtmp_peer_send_video(&client->peer, 40 * i, i % 10 == 0, size);
        rtmp_peer_send_audio(&client->peer, 40 * i + 20, 100);
    }
}
