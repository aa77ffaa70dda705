/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtmp_peer.h"

#include <string.h>

#define STREAM_ID 1

void rtmp_peer_free_message(struct rtmp_message *message)
{
    if (message == NULL)
        return;
    rtmp_message_clear(message);
    g_free(message);
}

static void free_message(gpointer message)
{
    rtmp_peer_free_message(message);
}

void rtmp_peer_init(struct rtmp_peer *peer)
{
    g_autoptr(GByteArray) hello = g_byte_array_new();
    memset(peer, 0, sizeof *peer);
    rtmp_chunk_reader_init(&peer->reader);
    rtmp_chunk_writer_init(&peer->writer);
    peer->handshake = g_new(struct rtmp_client_handshake, 1);
    g_queue_init(&peer->messages);
    rtmp_client_handshake_begin(peer->handshake, hello);
    rtmp_chunk_writer_put_raw(&peer->writer, hello->data, hello->len);
}

void rtmp_peer_clear(struct rtmp_peer *peer)
{
    rtmp_chunk_reader_clear(&peer->reader);
    rtmp_chunk_writer_clear(&peer->writer);
    g_clear_pointer(&peer->handshake, g_free);
    g_queue_clear_full(&peer->messages, free_message);
}

static void receive_handshake(struct rtmp_peer *peer, const uint8_t **data, size_t *size)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    peer->broken |= !rtmp_client_handshake_receive(peer->handshake, data, size, out, NULL);
    if (out->len > 0)
        rtmp_chunk_writer_put_raw(&peer->writer, out->data, out->len);
    if (peer->handshake->done)
        g_clear_pointer(&peer->handshake, g_free);
}

void rtmp_peer_receive(struct rtmp_peer *peer, const uint8_t *data, size_t size)
{
    if (peer->handshake != NULL)
        receive_handshake(peer, &data, &size);
    while (peer->handshake == NULL && !peer->broken) {
        struct rtmp_message message = {0};
        enum rtmp_chunk_result result =
            rtmp_chunk_reader_receive(&peer->reader, &data, &size, &message, NULL);
        if (result == RTMP_CHUNK_MESSAGE)
            g_queue_push_tail(&peer->messages, g_memdup2(&message, sizeof message));
        peer->broken = result == RTMP_CHUNK_ERROR;
        if (result == RTMP_CHUNK_MORE)
            break;
    }
}

GByteArray *rtmp_peer_take_output(struct rtmp_peer *peer)
{
    GByteArray *bytes = g_byte_array_new();
    struct iovec iov[16];
    unsigned n;
    while ((n = rtmp_chunk_writer_peek(&peer->writer, iov, G_N_ELEMENTS(iov))) > 0) {
        size_t total = 0;
        for (unsigned i = 0; i < n; i++) {
            g_byte_array_append(bytes, iov[i].iov_base, (guint)iov[i].iov_len);
            total += iov[i].iov_len;
        }
        rtmp_chunk_writer_advance(&peer->writer, total);
    }
    return bytes;
}

void rtmp_peer_send(struct rtmp_peer *peer, unsigned csid, uint8_t type, uint32_t timestamp_ms,
                    const void *data, size_t size)
{
    g_autoptr(GBytes) payload = g_bytes_new(data, size);
    struct rtmp_message message = {
        .type = type, .stream_id = STREAM_ID, .timestamp_ms = timestamp_ms, .payload = payload};
    rtmp_chunk_writer_put(&peer->writer, csid, &message);
}

void rtmp_peer_connect(struct rtmp_peer *peer, const char *app, const char *tc_url)
{
    GByteArray *body = rtmp_command_body("connect", 1);
    amf_write_object_begin(body);
    amf_write_name(body, "app");
    amf_write_string(body, app);
    if (tc_url != NULL) {
        amf_write_name(body, "tcUrl");
        amf_write_string(body, tc_url);
    }
    amf_write_object_end(body);
    rtmp_send_amf(&peer->writer, RTMP_COMMAND_AMF0, 0, body);
}

void rtmp_peer_command(struct rtmp_peer *peer, const char *name, double transaction, const char *argument)
{
    GByteArray *body = rtmp_command_body(name, transaction);
    amf_write_null(body);
    if (argument != NULL)
        amf_write_string(body, argument);
    rtmp_send_amf(&peer->writer, RTMP_COMMAND_AMF0, STREAM_ID, body);
}

void rtmp_peer_start(struct rtmp_peer *peer, const char *verb, const char *key)
{
    rtmp_peer_command(peer, "createStream", 2, NULL);
    rtmp_peer_command(peer, verb, 3, key);
}

void rtmp_peer_send_metadata(struct rtmp_peer *peer, bool video, bool audio)
{
    g_autoptr(GByteArray) body = g_byte_array_new();
    amf_write_string(body, "@setDataFrame");
    amf_write_string(body, "onMetaData");
    amf_write_object_begin(body);
    if (video) {
        amf_write_name(body, "videocodecid");
        amf_write_number(body, 7);
    }
    if (audio) {
        amf_write_name(body, "audiocodecid");
        amf_write_number(body, 10);
    }
    amf_write_object_end(body);
    rtmp_peer_send(peer, RTMP_DATA_CSID, RTMP_DATA_AMF0, 0, body->data, body->len);
}

void rtmp_peer_send_configs(struct rtmp_peer *peer, bool video, bool audio)
{
    static const uint8_t avc[] = {0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe0, 0};
    static const uint8_t aac[] = {0xaf, 0, 0x11, 0x90};
    if (video)
        rtmp_peer_send(peer, RTMP_VIDEO_CSID, RTMP_VIDEO, 0, avc, sizeof avc);
    if (audio)
        rtmp_peer_send(peer, RTMP_AUDIO_CSID, RTMP_AUDIO, 0, aac, sizeof aac);
}

/* A frame of bytes that tell where they are, so that a lost or doubled one is seen. */
static void send_frame(struct rtmp_peer *peer, unsigned csid, uint8_t type, uint32_t timestamp_ms,
                       const uint8_t *head, size_t head_bytes, size_t size)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    g_byte_array_append(frame, head, (guint)head_bytes);
    while (frame->len < size)
        dub_write_u8(frame, (uint8_t)(timestamp_ms + frame->len));
    rtmp_peer_send(peer, csid, type, timestamp_ms, frame->data, frame->len);
}

void rtmp_peer_send_video(struct rtmp_peer *peer, uint32_t timestamp_ms, bool is_key, size_t size)
{
    const uint8_t head[] = {is_key ? 0x17 : 0x27, 1, 0, 0, 0};
    send_frame(peer, RTMP_VIDEO_CSID, RTMP_VIDEO, timestamp_ms, head, sizeof head, size);
}

void rtmp_peer_send_audio(struct rtmp_peer *peer, uint32_t timestamp_ms, size_t size)
{
    static const uint8_t head[] = {0xaf, 1};
    send_frame(peer, RTMP_AUDIO_CSID, RTMP_AUDIO, timestamp_ms, head, sizeof head, size);
}

struct rtmp_message *rtmp_peer_take(struct rtmp_peer *peer, uint8_t type)
{
    struct rtmp_message *message;
    while ((message = g_queue_pop_head(&peer->messages)) != NULL && message->type != type)
        rtmp_peer_free_message(message);
    return message;
}

char *rtmp_peer_take_status(struct rtmp_peer *peer)
{
    char *code = NULL;
    struct rtmp_message *message;
    while (code == NULL && (message = rtmp_peer_take(peer, RTMP_COMMAND_AMF0)) != NULL) {
        struct rtmp_command command = {0};
        if (rtmp_command_read(message, &command, NULL)) {
            if (strcmp(command.name, "onStatus") == 0)
                code = g_strdup(amf_string_or(amf_member(rtmp_command_argument(&command, 0), "code"), NULL));
            rtmp_command_clear(&command);
        }
        rtmp_peer_free_message(message);
    }
    return code;
}
