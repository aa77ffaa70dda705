/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_control.h"

/* Bytes that the control wrote are read by a peer that has shaken hands already. */
struct fixture {
    struct rtmp_control control;
    struct rtmp_chunk_writer writer;
    struct rtmp_chunk_reader reader;
};

static void setup(struct fixture *fixture, gconstpointer data)
{
    rtmp_control_init(&fixture->control);
    rtmp_chunk_writer_init(&fixture->writer);
    rtmp_chunk_reader_init(&fixture->reader);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    rtmp_chunk_writer_clear(&fixture->writer);
    rtmp_chunk_reader_clear(&fixture->reader);
}

/* The next message written, as its body's bytes in hex after its type; "" when there is none. The caller's.
 */
static char *next_written(struct fixture *fixture)
{
    struct rtmp_message message = {0};
    struct iovec piece;
    while (message.payload == NULL && rtmp_chunk_writer_peek(&fixture->writer, &piece, 1) > 0) {
        const uint8_t *bytes = piece.iov_base;
        size_t left = piece.iov_len;
        rtmp_chunk_reader_receive(&fixture->reader, &bytes, &left, &message, NULL);
        rtmp_chunk_writer_advance(&fixture->writer, piece.iov_len);
    }
    GString *text = g_string_new("");
    if (message.payload != NULL) {
        gsize size;
        const uint8_t *body = g_bytes_get_data(message.payload, &size);
        g_string_append_printf(text, "%u:", message.type);
        for (gsize i = 0; i < size; i++)
            g_string_append_printf(text, "%02x", body[i]);
    }
    rtmp_message_clear(&message);
    return g_string_free(text, FALSE);
}

static void assert_written(struct fixture *fixture, const char *expected)
{
    g_autofree char *written = next_written(fixture);
    g_assert_cmpstr(written, ==, expected);
}

static bool receive(struct fixture *fixture, uint8_t type, const void *body, size_t size)
{
    g_autoptr(GBytes) payload = g_bytes_new(body, size);
    struct rtmp_message message = {.type = type, .payload = payload};
    struct dub_error error = {0};
    bool fine = rtmp_control_receive(&fixture->control, &message, &fixture->writer, &error);
    g_assert_true(fine || error.code == DUB_ERROR_PROTOCOL);
    return fine;
}

static void test_acknowledges_each_half_window(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(receive(fixture, RTMP_WINDOW_ACK_SIZE, (const uint8_t[]){0, 0, 0x10, 0}, 4));
    fixture->control.received_bytes = 2048;
    rtmp_control_acknowledge(&fixture->control, &fixture->writer);
    assert_written(fixture, "");
    fixture->control.received_bytes = 2049;
    rtmp_control_acknowledge(&fixture->control, &fixture->writer);
    assert_written(fixture, "3:00000801");
    rtmp_control_acknowledge(&fixture->control, &fixture->writer);
    assert_written(fixture, "");
}

static void test_answers_pings(struct fixture *fixture, gconstpointer data)
{
    g_assert_true(receive(fixture, RTMP_USER_CONTROL, (const uint8_t[]){0, 6, 1, 2, 3, 4}, 6));
    assert_written(fixture, "4:000701020304");
    g_assert_true(receive(fixture, RTMP_USER_CONTROL, (const uint8_t[]){0, 6, 1}, 3)); /* cut off */
    g_assert_true(receive(fixture, RTMP_USER_CONTROL, (const uint8_t[]){0, 0, 0, 0, 0, 1}, 6));
    assert_written(fixture, "");
}

static void test_says_a_new_window_once(struct fixture *fixture, gconstpointer data)
{
    static const uint8_t limit[] = {0, 0, 0x20, 0, 2};
    g_assert_true(receive(fixture, RTMP_SET_PEER_BANDWIDTH, limit, sizeof limit));
    assert_written(fixture, "5:00002000");
    g_assert_true(receive(fixture, RTMP_SET_PEER_BANDWIDTH, limit, sizeof limit));
    assert_written(fixture, "");
}

static void test_refuses_nonsense(struct fixture *fixture, gconstpointer data)
{
    g_assert_false(receive(fixture, RTMP_WINDOW_ACK_SIZE, (const uint8_t[]){0, 0, 0, 0}, 4));
    g_assert_false(receive(fixture, RTMP_WINDOW_ACK_SIZE, (const uint8_t[]){1, 0}, 2));
    g_assert_false(receive(fixture, RTMP_SET_PEER_BANDWIDTH, (const uint8_t[]){0, 0, 0, 0, 2}, 5));
    g_assert_true(receive(fixture, RTMP_AUDIO, "", 0));
    assert_written(fixture, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/rtmp/control/" name, struct fixture, NULL, setup, function, teardown)
    ADD("acknowledges-each-half-window", test_acknowledges_each_half_window);
    ADD("answers-pings", test_answers_pings);
    ADD("says-a-new-window-once", test_says_a_new_window_once);
    ADD("refuses-nonsense", test_refuses_nonsense);
    return g_test_run();
}
