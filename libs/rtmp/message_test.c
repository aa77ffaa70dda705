/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_message.h"

#include "tests/rtmp_peer.h"

#include <string.h>

/* What the other side makes of what was queued: the next message of the type. */
static struct rtmp_message *deliver(struct rtmp_chunk_writer *writer, uint8_t type)
{
    struct rtmp_peer peer;
    struct iovec iov;
    rtmp_peer_init(&peer);
    g_clear_pointer(&peer.handshake, g_free);
    while (rtmp_chunk_writer_peek(writer, &iov, 1) > 0) {
        rtmp_peer_receive(&peer, iov.iov_base, iov.iov_len);
        rtmp_chunk_writer_advance(writer, iov.iov_len);
    }
    struct rtmp_message *message = rtmp_peer_take(&peer, type);
    rtmp_peer_clear(&peer);
    g_assert_nonnull(message);
    return message;
}

static void assert_body(struct rtmp_message *take_message, const void *expected, size_t size)
{
    gsize got;
    const void *body = g_bytes_get_data(take_message->payload, &got);
    g_assert_cmpuint(got, ==, size);
    g_assert_true(memcmp(body, expected, size) == 0);
    rtmp_peer_free_message(take_message);
}

static void test_controls(void)
{
    struct rtmp_chunk_writer writer;
    rtmp_chunk_writer_init(&writer);
    rtmp_send_control(&writer, RTMP_WINDOW_ACK_SIZE, 0x01020304);
    assert_body(deliver(&writer, RTMP_WINDOW_ACK_SIZE), "\1\2\3\4", 4);
    rtmp_send_peer_bandwidth(&writer, 5);
    assert_body(deliver(&writer, RTMP_SET_PEER_BANDWIDTH), "\0\0\0\5\2", 5);
    rtmp_send_user_control(&writer, RTMP_STREAM_EOF, 1);
    assert_body(deliver(&writer, RTMP_USER_CONTROL), "\0\1\0\0\0\1", 6);
    rtmp_chunk_writer_clear(&writer);
}

static void test_status(void)
{
    struct rtmp_chunk_writer writer;
    struct rtmp_command command = {0};
    rtmp_chunk_writer_init(&writer);
    rtmp_send_status(&writer, 1, "error", "NetStream.Play.StreamNotFound", "none");
    struct rtmp_message *message = deliver(&writer, RTMP_COMMAND_AMF0);
    g_assert_cmpuint(message->stream_id, ==, 1);
    g_assert_true(rtmp_command_read(message, &command, NULL));
    g_assert_cmpstr(command.name, ==, "onStatus");
    g_assert_cmpfloat(command.transaction, ==, 0);
    const struct amf_value *info = rtmp_command_argument(&command, 0);
    g_assert_cmpstr(amf_string_or(amf_member(info, "level"), ""), ==, "error");
    g_assert_cmpstr(amf_string_or(amf_member(info, "code"), ""), ==, "NetStream.Play.StreamNotFound");
    g_assert_cmpstr(amf_string_or(amf_member(info, "description"), ""), ==, "none");
    g_assert_null(rtmp_command_argument(&command, 1));
    rtmp_command_clear(&command);
    rtmp_peer_free_message(message);
    rtmp_chunk_writer_clear(&writer);
}

static void assert_unreadable(uint8_t type, const void *body, size_t size, enum dub_error_code code)
{
    struct dub_error error = {0};
    struct rtmp_command command = {0};
    g_autoptr(GBytes) payload = g_bytes_new(body, size);
    struct rtmp_message message = {.type = type, .payload = payload};
    g_assert_false(rtmp_command_read(&message, &command, &error));
    g_assert_cmpint(error.code, ==, code);
    g_assert_null(command.values);
}

static void test_unreadable_commands(void)
{
    static const uint8_t large[RTMP_MAX_COMMAND_BYTES + 1];
    assert_unreadable(RTMP_COMMAND_AMF0, "", 0, DUB_ERROR_PROTOCOL);
    assert_unreadable(RTMP_COMMAND_AMF3, "", 0, DUB_ERROR_PROTOCOL);
    assert_unreadable(RTMP_COMMAND_AMF0, "\5", 1, DUB_ERROR_PROTOCOL);
    assert_unreadable(RTMP_COMMAND_AMF0, "\2\0\7x", 4, DUB_ERROR_PROTOCOL);
    assert_unreadable(RTMP_COMMAND_AMF0, large, sizeof large, DUB_ERROR_LIMIT);
}

static void test_amf3_commands_are_amf0_behind_a_byte(void)
{
    struct rtmp_command command = {0};
    g_autoptr(GBytes) payload = g_bytes_new_static("\0\2\0\4play", 8);
    struct rtmp_message message = {.type = RTMP_COMMAND_AMF3, .payload = payload};
    g_assert_true(rtmp_command_read(&message, &command, NULL));
    g_assert_cmpstr(command.name, ==, "play");
    rtmp_command_clear(&command);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/message/controls", test_controls);
    g_test_add_func("/message/status", test_status);
    g_test_add_func("/message/unreadable-commands", test_unreadable_commands);
    g_test_add_func("/message/amf3-commands", test_amf3_commands_are_amf0_behind_a_byte);
    return g_test_run();
}
