/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_chunk.h"

#include <string.h>

static GBytes *pattern(size_t size)
{
    uint8_t *data = g_malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31 + size);
    return g_bytes_new_take(data, size);
}

static GByteArray *drain(struct rtmp_chunk_writer *writer, unsigned iovecs, size_t step)
{
    GByteArray *bytes = g_byte_array_new();
    struct iovec iov[64];
    while (rtmp_chunk_writer_peek(writer, iov, iovecs) > 0) {
        size_t taken = MIN(step, iov[0].iov_len);
        g_byte_array_append(bytes, iov[0].iov_base, (guint)taken);
        rtmp_chunk_writer_advance(writer, taken);
    }
    g_assert_cmpuint(rtmp_chunk_writer_pending(writer), ==, 0);
    return bytes;
}

/* A conversation that makes the writer use every header type, csid form and extended timestamps. */
static const struct {
    unsigned csid;
    uint8_t type;
    uint32_t stream_id, timestamp_ms;
    size_t size;
} conversation[] = {
    {4, 8, 1, 0, 10},
    {4, 8, 1, 23, 10},
    {4, 8, 1, 46, 10},
    {4, 8, 1, 69, 11},
    {4, 9, 1, 69, 11},
    {4, 9, 1, 10, 11}, /* back: a full header */
    {6, 9, 1, 0, 300},
    {6, 9, 1, 40, 300},
    {6, 9, 1, 80, 300},
    {63, 9, 1, 5, 0},
    {64, 9, 1, 5, 129},
    {319, 9, 1, 5, 128},
    {320, 9, 1, 5, 127},
    {65599, 9, 7, 5, 1},
    {65599, 9, 7, 0x1000005, 500}, /* a delta that needs the extended timestamp */
    {65599, 9, 7, 0x2000005, 500},
    {65599, 9, 7, 0x3000005, 500},
    {5, 18, 1, 0xFFFFFE, 200},
    {5, 18, 1, 0xFFFFFF, 200},
    {8, 9, 1, 0x1000000, 400},
    {8, 9, 1, 0x1000001, 400},
    {9, 9, 1, 0xFFFFFFF0, 5},
    {9, 9, 1, 4, 5}, /* the 32 bits wrap */
};

static void put_conversation(struct rtmp_chunk_writer *writer, uint32_t chunk_bytes)
{
    rtmp_chunk_writer_init(writer);
    if (chunk_bytes != RTMP_DEFAULT_CHUNK_BYTES)
        rtmp_chunk_writer_set_chunk_bytes(writer, chunk_bytes);
    for (size_t i = 0; i < G_N_ELEMENTS(conversation); i++) {
        g_autoptr(GBytes) payload = pattern(conversation[i].size);
        struct rtmp_message message = {conversation[i].type, conversation[i].stream_id,
                                       conversation[i].timestamp_ms, payload};
        rtmp_chunk_writer_put(writer, conversation[i].csid, &message);
    }
}

static void assert_message(const struct rtmp_message *message, guint index)
{
    g_autoptr(GBytes) payload = pattern(conversation[index].size);
    g_assert_cmpuint(message->type, ==, conversation[index].type);
    g_assert_cmpuint(message->stream_id, ==, conversation[index].stream_id);
    g_assert_cmpuint(message->timestamp_ms, ==, conversation[index].timestamp_ms);
    g_assert_true(g_bytes_equal(message->payload, payload));
}

/* The reader understands what was written, in whatever pieces it comes. */
static void read_conversation(const GByteArray *bytes, size_t piece)
{
    struct rtmp_chunk_reader reader;
    guint count = 0;
    rtmp_chunk_reader_init(&reader);
    for (size_t at = 0; at < bytes->len; at += piece) {
        const uint8_t *data = bytes->data + at;
        size_t size = MIN(piece, bytes->len - at);
        struct rtmp_message message = {0};
        while (rtmp_chunk_reader_receive(&reader, &data, &size, &message, NULL) == RTMP_CHUNK_MESSAGE) {
            assert_message(&message, count++);
            rtmp_message_clear(&message);
        }
    }
    g_assert_cmpuint(count, ==, G_N_ELEMENTS(conversation));
    rtmp_chunk_reader_clear(&reader);
}

static void test_round_trip(void)
{
    static const uint32_t chunk_sizes[] = {RTMP_DEFAULT_CHUNK_BYTES, 1, 50, 4096, 65536};
    for (size_t i = 0; i < G_N_ELEMENTS(chunk_sizes); i++) {
        struct rtmp_chunk_writer writer;
        put_conversation(&writer, chunk_sizes[i]);
        g_autoptr(GByteArray) bytes = drain(&writer, 1 + (unsigned)i, 1 + i * 1000);
        for (size_t piece = 1; piece < 4000; piece = piece * 3 + 1)
            read_conversation(bytes, piece);
        rtmp_chunk_writer_clear(&writer);
    }
}

static void test_header_types_written(void)
{
    struct rtmp_chunk_writer writer;
    rtmp_chunk_writer_init(&writer);
    for (unsigned i = 0; i < 4; i++) {
        g_autoptr(GBytes) payload = g_bytes_new_static("ab", 2);
        rtmp_chunk_writer_put(&writer, 4, &(struct rtmp_message){8, 1, 20 * i, payload});
    }
    static const uint8_t expected[] = {
        0x04, 0,   0,   0,  0,   0,   2, 8, 1, 0, 0, 0, 'a', 'b', /* type 0, stream id little-endian */
        0x84, 0,   0,   20, 'a', 'b',                             /* type 2: same length and type, a delta */
        0xc4, 'a', 'b',                                           /* type 3: same delta */
        0xc4, 'a', 'b',
    };
    g_autoptr(GByteArray) bytes = drain(&writer, 8, SIZE_MAX);
    g_assert_cmpuint(bytes->len, ==, sizeof expected);
    g_assert_true(memcmp(bytes->data, expected, sizeof expected) == 0);
    rtmp_chunk_writer_clear(&writer);
}

static void put_at(struct rtmp_chunk_writer *writer, uint32_t timestamp_ms)
{
    g_autoptr(GBytes) payload = g_bytes_new_static("a", 1);
    rtmp_chunk_writer_put(writer, 4, &(struct rtmp_message){8, 1, timestamp_ms, payload});
}

/* Readers differ in what a type 3 header after one of type 0 means, and a step back is no delta: neither is
 * sent. */
static void test_ambiguous_headers_are_avoided(void)
{
    struct rtmp_chunk_writer writer;
    rtmp_chunk_writer_init(&writer);
    put_at(&writer, 20);
    put_at(&writer, 40);
    put_at(&writer, 30);
    static const uint8_t expected[] = {
        0x04, 0, 0, 20, 0,   0, 1, 8, 1, 0, 0, 0, 'a', /* type 0 */
        0x84, 0, 0, 20, 'a',                           /* type 2, although the number is the same */
        0x04, 0, 0, 30, 0,   0, 1, 8, 1, 0, 0, 0, 'a', /* type 0 */
    };
    g_autoptr(GByteArray) bytes = drain(&writer, 8, SIZE_MAX);
    g_assert_cmpuint(bytes->len, ==, sizeof expected);
    g_assert_true(memcmp(bytes->data, expected, sizeof expected) == 0);
    rtmp_chunk_writer_clear(&writer);
}

/* A payload that goes to many readers is not copied: slices point into it. */
static void test_payload_is_not_copied(void)
{
    struct rtmp_chunk_writer writer;
    struct iovec iov[8];
    g_autoptr(GBytes) payload = pattern(300);
    const uint8_t *data = g_bytes_get_data(payload, NULL);
    rtmp_chunk_writer_init(&writer);
    rtmp_chunk_writer_put(&writer, 6, &(struct rtmp_message){9, 1, 0, payload});
    g_assert_cmpuint(rtmp_chunk_writer_peek(&writer, iov, 8), ==, 6);
    g_assert_cmpuint(rtmp_chunk_writer_pending(&writer), ==, 12 + 300 + 2);
    g_assert_true(iov[1].iov_base == data && iov[1].iov_len == 128);
    g_assert_true(iov[3].iov_base == data + 128 && iov[3].iov_len == 128);
    g_assert_true(iov[5].iov_base == data + 256 && iov[5].iov_len == 44);
    rtmp_chunk_writer_clear(&writer);
}

static void note_release(gpointer released)
{
    ++*(unsigned *)released;
}

/* With its last byte, or with the writer. */
static void test_payload_is_released(void)
{
    struct rtmp_chunk_writer writer;
    unsigned released[2] = {0};
    struct iovec iov[8];
    rtmp_chunk_writer_init(&writer);
    for (unsigned i = 0; i < 2; i++) {
        const struct rtmp_payload payload = {(const uint8_t *)"abc", 3, &released[i], note_release};
        rtmp_chunk_writer_put_payload(&writer, 6, &(struct rtmp_message){9, 1, 0, NULL}, &payload);
    }
    g_assert_cmpuint(rtmp_chunk_writer_peek(&writer, iov, 8), ==, 4);
    g_assert_cmpuint(iov[0].iov_len, ==, 12);
    g_assert_true(iov[1].iov_len == 3 && memcmp(iov[1].iov_base, "abc", 3) == 0);
    rtmp_chunk_writer_advance(&writer, 12 + 2);
    g_assert_cmpuint(released[0], ==, 0);
    rtmp_chunk_writer_advance(&writer, 1);
    g_assert_cmpuint(released[0], ==, 1);
    rtmp_chunk_writer_clear(&writer);
    g_assert_cmpuint(released[0], ==, 1);
    g_assert_cmpuint(released[1], ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chunk-writer/round-trip-in-any-pieces", test_round_trip);
    g_test_add_func("/chunk-writer/short-headers", test_header_types_written);
    g_test_add_func("/chunk-writer/ambiguous-headers-are-avoided", test_ambiguous_headers_are_avoided);
    g_test_add_func("/chunk-writer/payload-is-not-copied", test_payload_is_not_copied);
    g_test_add_func("/chunk-writer/payload-is-released", test_payload_is_released);
    return g_test_run();
}
