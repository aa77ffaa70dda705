/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtmp_test_server.h"

#include <string.h>

#define STREAM_ID 7

void rtmp_test_server_init(struct rtmp_test_server *server)
{
    memset(server, 0, sizeof *server);
    rtmp_handshake_init(&server->handshake);
    rtmp_chunk_reader_init(&server->reader);
    rtmp_chunk_writer_init(&server->writer);
    server->heard = g_string_new("");
    g_queue_init(&server->messages);
}

static void free_message(gpointer data)
{
    rtmp_message_clear(data);
    g_free(data);
}

void rtmp_test_server_clear(struct rtmp_test_server *server)
{
    rtmp_chunk_reader_clear(&server->reader);
    rtmp_chunk_writer_clear(&server->writer);
    g_string_free(server->heard, TRUE);
    g_queue_clear_full(&server->messages, free_message);
}

static void send_result(struct rtmp_test_server *server, const char *name, const struct rtmp_command *command,
                        double number)
{
    GByteArray *body = rtmp_command_body(name, command->transaction);
    amf_write_null(body);
    if (number > 0) {
        amf_write_number(body, number);
    } else {
        amf_write_object_begin(body);
        amf_write_name(body, "code");
        amf_write_string(body, server->code ? server->code : "NetConnection.Connect.Success");
        amf_write_object_end(body);
    }
    rtmp_send_amf(&server->writer, RTMP_COMMAND_AMF0, 0, body);
}

static bool is_start(const char *name)
{
    return strcmp(name, "play") == 0 || strcmp(name, "publish") == 0;
}

static void refuse(struct rtmp_test_server *server, const struct rtmp_command *command)
{
    if (is_start(command->name))
        rtmp_send_status(&server->writer, STREAM_ID, "error", server->code, "not for you");
    else
        send_result(server, "_error", command, 0);
}

static void answer(struct rtmp_test_server *server, const struct rtmp_command *command)
{
    if (g_strcmp0(command->name, server->refuses) == 0) {
        refuse(server, command);
    } else if (strcmp(command->name, "connect") == 0) {
        rtmp_chunk_writer_set_chunk_bytes(&server->writer, 4096);
        send_result(server, "_result", command, 0);
    } else if (strcmp(command->name, "createStream") == 0) {
        send_result(server, "_result", command, STREAM_ID);
    } else if (is_start(command->name)) {
        bool plays = strcmp(command->name, "play") == 0;
        rtmp_send_user_control(&server->writer, RTMP_STREAM_BEGIN, STREAM_ID);
        rtmp_send_status(&server->writer, STREAM_ID, "status",
                         plays ? "NetStream.Play.Start" : "NetStream.Publish.Start", "it goes");
    }
}

static void on_command(struct rtmp_test_server *server, const struct rtmp_message *message)
{
    struct rtmp_command command;
    if (!rtmp_command_read(message, &command, NULL)) {
        server->broken = true;
        return;
    }
    g_string_append_printf(server->heard, "%s ", command.name);
    if (strcmp(command.name, "connect") == 0)
        server->app = g_intern_string(amf_string_or(amf_member(amf_at(command.values, 2), "app"), "none"));
    if (is_start(command.name))
        server->key = g_intern_string(amf_string_or(rtmp_command_argument(&command, 0), "none"));
    if (!server->is_silent)
        answer(server, &command);
    rtmp_command_clear(&command);
}

void rtmp_test_server_receive(struct rtmp_test_server *server, const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    if (!server->handshake.done) {
        server->broken |= !rtmp_handshake_receive(&server->handshake, &data, &size, out, NULL);
        if (out->len > 0)
            rtmp_chunk_writer_put_raw(&server->writer, out->data, out->len);
    }
    while (server->handshake.done && !server->broken) {
        struct rtmp_message message = {0};
        enum rtmp_chunk_result result =
            rtmp_chunk_reader_receive(&server->reader, &data, &size, &message, NULL);
        if (result == RTMP_CHUNK_MORE)
            break;
        server->broken = result == RTMP_CHUNK_ERROR;
        if (result == RTMP_CHUNK_MESSAGE && message.type == RTMP_COMMAND_AMF0)
            on_command(server, &message);
        else if (message.type == RTMP_AUDIO || message.type == RTMP_VIDEO || message.type == RTMP_DATA_AMF0) {
            g_queue_push_tail(&server->messages, g_memdup2(&message, sizeof message));
            continue;
        }
        rtmp_message_clear(&message);
    }
}

size_t rtmp_test_server_take_output(struct rtmp_test_server *server, uint8_t *out, size_t max)
{
    struct iovec piece;
    size_t taken = 0;
    while (taken < max && rtmp_chunk_writer_peek(&server->writer, &piece, 1) > 0) {
        size_t n = MIN(max - taken, piece.iov_len);
        memcpy(out + taken, piece.iov_base, n);
        rtmp_chunk_writer_advance(&server->writer, n);
        taken += n;
    }
    return taken;
}

void rtmp_test_server_send(struct rtmp_test_server *server, uint8_t type, uint32_t timestamp_ms,
                           const void *body, size_t size)
{
    g_autoptr(GBytes) payload = g_bytes_new(body, size);
    struct rtmp_message message = {
        .type = type, .stream_id = STREAM_ID, .timestamp_ms = timestamp_ms, .payload = payload};
    rtmp_chunk_writer_put(&server->writer, type == RTMP_AUDIO ? RTMP_AUDIO_CSID : RTMP_VIDEO_CSID, &message);
}

struct rtmp_message *rtmp_test_server_take(struct rtmp_test_server *server)
{
    return g_queue_pop_head(&server->messages);
}
