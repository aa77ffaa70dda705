/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtsp_client.h"

#include "rtsp/rtp_packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VIDEO_TYPE = 96, AUDIO_TYPE = 97, FRAGMENT_BYTES = 1400, NAL_IDR = 5, NAL_SLICE = 1, NAL_FU_A = 28 };
/* Of the frames it sends: 25 a second, a key frame every tenth. */
enum { VIDEO_TICKS = 3600, AUDIO_TICKS = 1920, AUDIO_BYTES = 100, GROUP = 10 };

static const char description[] =
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r\n"
    "a=control:streamid=0\r\n"
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n"
    "a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190\r\n"
    "a=control:streamid=1\r\n";

void rtsp_fixture_setup(struct rtsp_fixture *fixture, gconstpointer data)
{
    struct rtsp_listener listener;
    memset(fixture, 0, sizeof *fixture);
    fixture->config = router_config_new();
    router_config_add_path(fixture->config, ROUTER_ALL_OTHERS);
    fixture->config->write_queue_messages = 32;
    fixture->hooks = hook_pool_new(NULL, NULL);
    fixture->router = router_new(fixture->config, fixture->hooks, 0);
    dub_fake_clock_init(&fixture->clock, 0);
    g_assert_true(rtsp_listen("127.0.0.1:0", &listener, NULL));
    fixture->server = rtsp_server_new(fixture->router, fixture->config, &fixture->clock.clock, listener);
}

void rtsp_fixture_teardown(struct rtsp_fixture *fixture, gconstpointer data)
{
    rtsp_server_free(fixture->server);
    router_free(fixture->router);
    hook_pool_free(fixture->hooks);
    router_config_free(fixture->config);
}

void rtsp_client_connect(struct rtsp_client *client, const struct rtsp_fixture *fixture, const char *path)
{
    rtsp_client_connect_to(client, rtsp_server_port(fixture->server), path);
}

void rtsp_client_connect_to(struct rtsp_client *client, unsigned port, const char *path)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int small = 4096; /* so that a client that does not read is soon felt */
    memset(client, 0, sizeof *client);
    rtsp_parser_init(&client->parser);
    client->pending = g_byte_array_new();
    client->url = g_strdup_printf("rtsp://127.0.0.1:%u/%s", port, path);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    g_assert_cmpint(connect(client->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
}

void rtsp_client_clear(struct rtsp_client *client)
{
    close(client->fd);
    rtsp_parser_clear(&client->parser);
    rtsp_message_clear(&client->reply);
    g_byte_array_unref(client->pending);
    g_free(client->url);
}

void rtsp_client_send_raw(struct rtsp_client *client, const void *data, size_t size)
{
    g_byte_array_append(client->pending, data, (guint)size);
}

void rtsp_client_send(struct rtsp_client *client, const char *method, const char *suffix, const char *headers,
                      const char *body)
{
    g_autofree char *text =
        g_strdup_printf("%s %s%s RTSP/1.0\r\nCSeq: %u\r\n%sContent-Length: %zu\r\n\r\n%s", method,
                        client->url, suffix, ++client->cseq, headers, strlen(body), body);
    client->status = 0;
    rtsp_client_send_raw(client, text, strlen(text));
}

unsigned rtsp_client_ask(struct rtsp_client *client, const char *method, const char *suffix,
                         const char *headers, const char *body)
{
    rtsp_client_send(client, method, suffix, headers, body);
    RTSP_TURN_UNTIL(client->status != 0 || client->eof, client);
    return client->status;
}

static void note_rtcp(struct rtsp_client *client, unsigned track, const struct rtsp_frame *frame)
{
    enum { RTCP_BYE = 203, WORD_BYTES = 4 };
    client->n_rtcp[track]++;
    for (size_t at = 0; at + WORD_BYTES <= frame->size;
         at += WORD_BYTES * (1 + ((size_t)frame->data[at + 2] << 8 | frame->data[at + 3])))
        if (frame->data[at + 1] == RTCP_BYE)
            client->has_bye = true;
}

static bool begins_key_picture(const struct rtp_packet *packet)
{
    enum { TYPE_MASK = 0x1f, FU_START = 0x80 };
    unsigned type = packet->payload[0] & TYPE_MASK;
    bool is_fragment = type == NAL_FU_A && packet->payload_size > 1;
    if (is_fragment && (packet->payload[1] & FU_START) == 0)
        return false;
    return (is_fragment ? packet->payload[1] & TYPE_MASK : (int)type) == NAL_IDR;
}

static void note_gap(struct rtsp_client *client, unsigned track, const struct rtp_packet *packet)
{
    if (track != 0)
        return;
    if (!client->has_gap)
        client->is_key_after_gap = (packet->timestamp - client->first_time[0]) % (GROUP * VIDEO_TICKS) == 0;
    client->has_gap = true;
}

static void note_packet(struct rtsp_client *client, unsigned track, const struct rtsp_frame *frame)
{
    struct rtp_packet packet;
    g_assert_true(rtp_packet_parse(frame->data, frame->size, &packet));
    g_assert_cmpuint(packet.payload_size, >, 0);
    if (client->n_packets[track]++ == 0)
        client->first_time[track] = packet.timestamp;
    else if (packet.sequence != client->next_sequence[track])
        note_gap(client, track, &packet);
    client->next_sequence[track] = (uint16_t)(packet.sequence + 1);
    client->last_time[track] = packet.timestamp;
    client->n_pictures += track == 0 && packet.marker;
    client->n_key_pictures += track == 0 && begins_key_picture(&packet);
}

static bool take_item(struct rtsp_client *client)
{
    struct rtsp_message message;
    struct rtsp_frame frame;
    switch (rtsp_parser_take(&client->parser, &message, &frame, NULL)) {
    case RTSP_ITEM_FRAME:
        g_assert_cmpuint(frame.channel, <, 2 * RTSP_CLIENT_TRACKS);
        if (frame.channel % 2 == 0)
            note_packet(client, frame.channel / 2, &frame);
        else
            note_rtcp(client, frame.channel / 2, &frame);
        return true;
    case RTSP_ITEM_MESSAGE:
        rtsp_message_clear(&client->reply);
        client->reply = message;
        client->status = message.status;
        return true;
    case RTSP_ITEM_NONE:
        return false;
    default:
        g_error("the server sent something that is no RTSP");
    }
}

static void client_receive(struct rtsp_client *client)
{
    uint8_t buffer[16384];
    ssize_t n = 0;
    while (!client->eof && !client->stalled &&
           (n = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        rtsp_parser_put(&client->parser, buffer, (size_t)n);
        while (take_item(client))
            ;
    }
    if (!client->stalled && (n == 0 || (n < 0 && errno == ECONNRESET)))
        client->eof = true;
}

static void client_send(struct rtsp_client *client)
{
    if (client->eof || client->pending->len == 0)
        return;
    ssize_t n = send(client->fd, client->pending->data, client->pending->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        g_byte_array_remove_range(client->pending, 0, (guint)n);
}

void rtsp_clients_turn(struct rtsp_client *const *clients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        client_send(clients[i]);
        client_receive(clients[i]);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

void rtsp_client_publish(struct rtsp_client *client, const struct rtsp_fixture *fixture, const char *path)
{
    g_autofree char *name = g_strndup(path, strcspn(path, "?"));
    rtsp_client_connect(client, fixture, path);
    g_assert_cmpuint(rtsp_client_ask(client, "ANNOUNCE", "", "", description), ==, 200);
    g_assert_cmpuint(rtsp_client_ask(client, "SETUP", "/streamid=0",
                                     "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n", ""),
                     ==, 200);
    g_assert_cmpuint(rtsp_client_ask(client, "SETUP", "/streamid=1",
                                     "Transport: RTP/AVP/TCP;unicast;interleaved=2-3;mode=record\r\n", ""),
                     ==, 200);
    g_assert_cmpuint(rtsp_client_ask(client, "RECORD", "", "", ""), ==, 200);
    g_assert_true(router_find_path(fixture->router, name)->ready);
}

void rtsp_client_play(struct rtsp_client *client, const struct rtsp_fixture *fixture, const char *path)
{
    rtsp_client_connect(client, fixture, path);
    g_assert_cmpuint(rtsp_client_ask(client, "DESCRIBE", "", "", ""), ==, 200);
    g_assert_nonnull(client->reply.body);
    g_assert_cmpuint(rtsp_client_ask(client, "SETUP", "/trackID=0",
                                     "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", ""),
                     ==, 200);
    g_assert_cmpuint(rtsp_client_ask(client, "SETUP", "/trackID=1",
                                     "Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n", ""),
                     ==, 200);
    g_assert_cmpuint(rtsp_client_ask(client, "PLAY", "", "", ""), ==, 200);
}

static void send_framed(struct rtsp_client *client, uint8_t channel, const GByteArray *packet)
{
    dub_write_u8(client->pending, '$');
    dub_write_u8(client->pending, channel);
    dub_write_be16(client->pending, (uint16_t)packet->len);
    dub_write_bytes(client->pending, packet->data, packet->len);
}

void rtsp_client_send_reports(struct rtsp_client *client)
{
    for (unsigned track = 0; track < RTSP_CLIENT_TRACKS; track++) {
        g_autoptr(GByteArray) packet = g_byte_array_new();
        struct rtcp_sender_report report = {.ssrc = 1 + track, .ntp = (uint64_t)G_MAXUINT32 << 32};
        rtcp_write_sender_report(packet, &report, "test");
        send_framed(client, (uint8_t)(2 * track + 1), packet);
    }
}

static void send_packet(struct rtsp_client *client, unsigned track, bool marker, uint32_t timestamp,
                        const GByteArray *payload)
{
    g_autoptr(GByteArray) packet = g_byte_array_new();
    struct rtp_packet header = {.marker = marker,
                                .payload_type = track == 0 ? VIDEO_TYPE : AUDIO_TYPE,
                                .sequence = client->out_sequence[track]++,
                                .timestamp = timestamp,
                                .ssrc = 1 + track};
    rtp_packet_write_header(packet, &header);
    dub_write_bytes(packet, payload->data, payload->len);
    send_framed(client, (uint8_t)(2 * track), packet);
}

/* One slice of `size` bytes in fragments (RFC 6184 section 5.8). */
static void send_picture(struct rtsp_client *client, bool is_key, uint32_t timestamp, size_t size)
{
    enum { IMPORTANT = 0x60, START = 0x80, END = 0x40, FIRST_SLICE = 0x80 };
    for (size_t at = 0; at < size; at += FRAGMENT_BYTES) {
        g_autoptr(GByteArray) payload = g_byte_array_new();
        size_t length = MIN(size - at, (size_t)FRAGMENT_BYTES);
        bool is_last = at + length == size;
        dub_write_u8(payload, IMPORTANT | NAL_FU_A);
        dub_write_u8(payload,
                     (uint8_t)((at == 0 ? START : 0) | (is_last ? END : 0) | (is_key ? NAL_IDR : NAL_SLICE)));
        for (size_t i = 0; i < length; i++)
            dub_write_u8(payload, at + i == 0 ? FIRST_SLICE : (uint8_t)(at + i));
        send_packet(client, 0, is_last, timestamp, payload);
    }
}

static void send_sound(struct rtsp_client *client, uint32_t timestamp, uint16_t size)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    dub_write_be16(payload, 16); /* bits of headers */
    dub_write_be16(payload, (uint16_t)(size << 3));
    for (unsigned i = 0; i < size; i++)
        dub_write_u8(payload, (uint8_t)i);
    send_packet(client, 1, true, timestamp, payload);
}

void rtsp_client_send_frames(struct rtsp_client *client, unsigned first, unsigned count, size_t size)
{
    for (unsigned i = first; i < first + count; i++) {
        send_picture(client, i % GROUP == 0, VIDEO_TICKS * i, size);
        send_sound(client, AUDIO_TICKS * i + AUDIO_TICKS / 2, AUDIO_BYTES);
    }
}
