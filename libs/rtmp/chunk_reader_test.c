/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_chunk.h"

#include <malloc.h>
#include <string.h>

/* What a reader made of some bytes. */
struct outcome {
    GPtrArray *messages; /* struct rtmp_message * */
    bool failed;
    struct dub_error error;
};

static void free_message(gpointer data)
{
    rtmp_message_clear(data);
    g_free(data);
}

static void read_piece(struct rtmp_chunk_reader *reader, const uint8_t *data, size_t size,
                       struct outcome *outcome)
{
    enum rtmp_chunk_result result;
    do {
        struct rtmp_message message = {0};
        result = rtmp_chunk_reader_receive(reader, &data, &size, &message, &outcome->error);
        if (result == RTMP_CHUNK_MESSAGE)
            g_ptr_array_add(outcome->messages, g_memdup2(&message, sizeof message));
        outcome->failed = result == RTMP_CHUNK_ERROR;
    } while (result == RTMP_CHUNK_MESSAGE);
}

static struct outcome read_in_pieces(const GByteArray *bytes, size_t piece)
{
    struct outcome outcome = {.messages = g_ptr_array_new_with_free_func(free_message)};
    struct rtmp_chunk_reader reader;
    rtmp_chunk_reader_init(&reader);
    for (size_t at = 0; at < bytes->len && !outcome.failed; at += piece)
        read_piece(&reader, bytes->data + at, MIN(piece, bytes->len - at), &outcome);
    rtmp_chunk_reader_clear(&reader);
    return outcome;
}

static struct outcome read_bytes(const void *data, size_t size)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, data, (guint)size);
    return read_in_pieces(bytes, MAX(size, 1));
}

#define READ(...) read_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void outcome_clear(struct outcome *outcome)
{
    g_ptr_array_unref(outcome->messages);
}

static void assert_fails(struct outcome outcome, enum dub_error_code code)
{
    g_assert_true(outcome.failed);
    g_assert_cmpint(outcome.error.code, ==, code);
    g_assert_cmpstr(outcome.error.message, !=, "");
    outcome_clear(&outcome);
}

static const struct rtmp_message *message_at(const struct outcome *outcome, guint index)
{
    g_assert_cmpuint(outcome->messages->len, >, index);
    return outcome->messages->pdata[index];
}

/* Bytes put down by hand from section 5.3.1.2: type 0, 1, 2, 3. */
static void test_hand_written_headers(void)
{
    struct outcome outcome = READ(0x03, 0, 0, 100, 0, 0, 1, 9, 5, 0, 0, 0, 'a', /* at 100, stream 5 */
                                  0x43, 0, 0, 10, 0, 0, 2, 8, 'b', 'c',         /* +10, type 8, two bytes */
                                  0x83, 0, 0, 7, 'd', 'e',                      /* +7 */
                                  0xc3, 'f', 'g');                              /* +7 again */
    static const uint32_t times[] = {100, 110, 117, 124};
    g_assert_cmpuint(outcome.messages->len, ==, 4);
    for (guint i = 0; i < 4; i++) {
        g_assert_cmpuint(message_at(&outcome, i)->timestamp_ms, ==, times[i]);
        g_assert_cmpuint(message_at(&outcome, i)->stream_id, ==, 5);
        g_assert_cmpuint(message_at(&outcome, i)->type, ==, i == 0 ? 9 : 8);
    }
    outcome_clear(&outcome);
}

/* Section 5.3.1.2.4: after type 0, a type 3 header that starts a message adds that header's timestamp. */
static void test_type_3_after_type_0(void)
{
    struct outcome outcome = READ(0x03, 0, 0, 50, 0, 0, 1, 9, 1, 0, 0, 0, 'a', 0xc3, 'b');
    g_assert_cmpuint(message_at(&outcome, 1)->timestamp_ms, ==, 100);
    outcome_clear(&outcome);
}

/* Type 3 chunks repeat the extended timestamp inside a message. */
static void test_extended_timestamp_repeats(void)
{
    uint8_t bytes[16 + 128 + 7] = {0x03, 0xff, 0xff, 0xff, 0, 0, 130, 9, 1, 0, 0, 0, 0x01, 0x02, 0x03, 0x04};
    static const uint8_t continuation[] = {0xc3, 0x01, 0x02, 0x03, 0x04, 'x', 'y'};
    memcpy(bytes + 16 + 128, continuation, sizeof continuation);
    struct outcome outcome = read_bytes(bytes, sizeof bytes);
    const struct rtmp_message *message = message_at(&outcome, 0);
    const uint8_t *payload = g_bytes_get_data(message->payload, NULL);
    g_assert_cmpuint(message->timestamp_ms, ==, 0x01020304);
    g_assert_true(memcmp(payload + 128, "xy", 2) == 0);
    outcome_clear(&outcome);
}

/* Some encoders do not repeat it: what stands there is payload, also where it begins as the timestamp does,
 * and where the message ends before four bytes of it have come. */
static void test_extended_timestamp_is_not_repeated(void)
{
    static const uint8_t
        bytes[] = {0x02, 0,    0,    0,    0,   0,    4,  1,    0,  0, 0, 0,    0, 0, 0, 5, /* chunks of 5 */
                   0x03, 0xff, 0xff, 0xff, 0,   0,    21, 9,    1,  0, 0, 0,    1, 2, 3, 4,
                   'a',  'b',  'c',  'd',  'e', 0xc3, 1,  2,    3,  5, 6, 0xc3, 1, 2, 9, 9,
                   9,    0xc3, 1,    9,    9,   9,    9,  0xc3, 1, /* the last byte */
                   0x43, 0,    0,    1,    0,   0,    1,  8,    'z'};
    static const uint8_t expected[] = {'a', 'b', 'c', 'd', 'e', 1, 2, 3, 5, 6, 1,
                                       2,   9,   9,   9,   1,   9, 9, 9, 9, 1};
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_byte_array_append(all, bytes, sizeof bytes);
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct outcome outcome = read_in_pieces(all, piece);
        const struct rtmp_message *message = message_at(&outcome, 0);
        g_assert_false(outcome.failed);
        g_assert_cmpuint(outcome.messages->len, ==, 2);
        g_assert_cmpuint(g_bytes_get_size(message->payload), ==, sizeof expected);
        g_assert_true(memcmp(g_bytes_get_data(message->payload, NULL), expected, sizeof expected) == 0);
        g_assert_cmpuint(message->timestamp_ms, ==, 0x01020304);
        g_assert_cmpuint(message_at(&outcome, 1)->timestamp_ms, ==, 0x01020305);
        outcome_clear(&outcome);
    }
}

/* The same with the timestamp repeated, in pieces of every size. */
static void test_extended_timestamp_in_pieces(void)
{
    static const uint8_t bytes[] = {0x02, 0, 0,    0,    0,    0,    4,    1, 0, 0, 0,   0,   0,    0,
                                    0,    2, 0x03, 0xff, 0xff, 0xff, 0,    0, 5, 9, 1,   0,   0,    0,
                                    1,    2, 3,    4,    1,    2,    0xc3, 1, 2, 3, 4,   3,   4,    0xc3,
                                    1,    2, 3,    4,    'x',  0xc3, 1,    2, 3, 4, 'a', 'b', 0xc3, 1,
                                    2,    3, 4,    'c',  'd',  0xc3, 1,    2, 3, 4, 'e'};
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_byte_array_append(all, bytes, sizeof bytes);
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct outcome outcome = read_in_pieces(all, piece);
        g_assert_cmpuint(outcome.messages->len, ==, 2);
        g_assert_true(memcmp(g_bytes_get_data(message_at(&outcome, 0)->payload, NULL), "\1\2\3\4x", 5) == 0);
        g_assert_true(memcmp(g_bytes_get_data(message_at(&outcome, 1)->payload, NULL), "abcde", 5) == 0);
        outcome_clear(&outcome);
    }
}

/* Set Chunk Size between two chunks of a message holds from its next chunk on. */
static void test_chunk_size_changes_inside_a_message(void)
{
    uint8_t bytes[12 + 128 + 16 + 1 + 72] = {0x06, 0, 0, 0, 0, 0, 200, 9, 1};
    static const uint8_t grow[] = {0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 16, 0};
    memcpy(bytes + 12 + 128, grow, sizeof grow);
    bytes[12 + 128 + 16] = 0xc6;
    bytes[sizeof bytes - 1] = 'z';
    struct outcome outcome = read_bytes(bytes, sizeof bytes);
    const uint8_t *payload = g_bytes_get_data(message_at(&outcome, 0)->payload, NULL);
    g_assert_cmpuint(g_bytes_get_size(message_at(&outcome, 0)->payload), ==, 200);
    g_assert_cmpuint(payload[199], ==, 'z');
    outcome_clear(&outcome);
}

/* librtmp begins chunk stream 2 so. */
static void test_first_header_of_type_1(void)
{
    struct outcome outcome = READ(0x42, 0, 0, 5, 0, 0, 1, 4, 'a');
    g_assert_cmpuint(message_at(&outcome, 0)->timestamp_ms, ==, 5);
    g_assert_cmpuint(message_at(&outcome, 0)->stream_id, ==, 0);
    outcome_clear(&outcome);
}

static void test_streams_interleave(void)
{
    uint8_t bytes[12 + 128 + 13 + 1 + 72] = {0x06, 0, 0, 0, 0, 0, 200, 9, 1};
    static const uint8_t audio[] = {0x04, 0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, 'A'};
    memcpy(bytes + 12 + 128, audio, sizeof audio);
    bytes[12 + 128 + 13] = 0xc6;
    struct outcome outcome = read_bytes(bytes, sizeof bytes);
    g_assert_cmpuint(message_at(&outcome, 0)->type, ==, 8);
    g_assert_cmpuint(message_at(&outcome, 1)->type, ==, 9);
    g_assert_cmpuint(g_bytes_get_size(message_at(&outcome, 1)->payload), ==, 200);
    outcome_clear(&outcome);
}

#define CHUNK_SIZE(a, b, c, d) 0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, a, b, c, d
#define ABORT(csid) 0x02, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, csid

static void test_abort_forgets_a_message(void)
{
    struct outcome outcome =
        READ(CHUNK_SIZE(0, 0, 0, 4), 0x03, 0, 0, 0, 0, 0, 5, 9, 1, 0, 0, 0, 'a', 'b', 'c', 'd', ABORT(3),
             0x03, 0, 0, 9, 0, 0, 1, 9, 1, 0, 0, 0, 'z', ABORT(3), ABORT(99));
    g_assert_false(outcome.failed);
    g_assert_cmpuint(outcome.messages->len, ==, 1);
    g_assert_cmpuint(message_at(&outcome, 0)->timestamp_ms, ==, 9);
    outcome_clear(&outcome);
}

static void test_bad_chunk_size(void)
{
    assert_fails(READ(CHUNK_SIZE(0, 0, 0, 0)), DUB_ERROR_PROTOCOL);
    assert_fails(READ(CHUNK_SIZE(0x80, 0, 0, 0)), DUB_ERROR_PROTOCOL);
    assert_fails(READ(0x02, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0), DUB_ERROR_PROTOCOL);
    struct outcome fine = READ(CHUNK_SIZE(0x7f, 0xff, 0xff, 0xff));
    g_assert_false(fine.failed);
    outcome_clear(&fine);
}

static void test_too_long_message(void)
{
    assert_fails(READ(0x03, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0, 'a'), DUB_ERROR_LIMIT);
}

/* What a header claims takes little memory; what comes does, and no more than it in the end. */
static void test_memory_follows_the_bytes(void)
{
    struct rtmp_chunk_reader reader;
    struct rtmp_message message = {0};
    enum { CLAIMED = 1000000, LITTLE = 128 << 10 };
    static uint8_t bytes[12 + CLAIMED] = {0x03,           0, 0, 0, CLAIMED >> 16, CLAIMED >> 8 & 0xff,
                                          CLAIMED & 0xff, 9, 1};
    const uint8_t *at = bytes;
    size_t size = 100;
    rtmp_chunk_reader_init(&reader);
    reader.chunk_bytes = CLAIMED;
    g_assert_cmpint(rtmp_chunk_reader_receive(&reader, &at, &size, &message, NULL), ==, RTMP_CHUNK_MORE);
    g_assert_cmpuint(reader.partial_bytes, ==, LITTLE);
    size = sizeof bytes - 100;
    g_assert_cmpint(rtmp_chunk_reader_receive(&reader, &at, &size, &message, NULL), ==, RTMP_CHUNK_MESSAGE);
    g_assert_cmpuint(reader.partial_bytes, ==, 0);
    g_assert_cmpuint(g_bytes_get_size(message.payload), ==, CLAIMED);
    const void *payload = g_bytes_get_data(message.payload, NULL);
    g_assert_cmpuint(malloc_usable_size((void *)(uintptr_t)payload), <, CLAIMED + 8192);
    rtmp_message_clear(&message);
    rtmp_chunk_reader_clear(&reader);
}

/* Whoever keeps messages has room in front of each payload, however the memory grew. */
static void test_room_in_front(void)
{
    enum { FRONT = 40, LARGE = 300000 };
    struct rtmp_chunk_reader reader;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    static uint8_t large[LARGE];
    static const uint8_t chunk_size[] = {CHUNK_SIZE(0, 0x7f, 0xff, 0xff)};
    static const uint8_t empty[] = {0x04, 0, 0, 9, 0, 0, 0, 8, 1, 0, 0, 0};
    const uint8_t head[] = {0x06, 0, 0, 9, LARGE >> 16, LARGE >> 8 & 0xff, LARGE & 0xff, 9, 1, 0, 0, 0};
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 31);
    g_byte_array_append(bytes, chunk_size, sizeof chunk_size);
    g_byte_array_append(bytes, empty, sizeof empty);
    g_byte_array_append(bytes, head, sizeof head);
    g_byte_array_append(bytes, large, LARGE);
    const uint32_t sizes[] = {0, LARGE};
    unsigned n = 0;
    rtmp_chunk_reader_init(&reader);
    reader.front_bytes = FRONT;
    for (size_t at = 0; at < bytes->len; at += 50000) {
        const uint8_t *data = bytes->data + at;
        size_t size = MIN(50000, bytes->len - at);
        struct rtmp_raw_message message = {0};
        while (rtmp_chunk_reader_receive_raw(&reader, &data, &size, &message, NULL) == RTMP_CHUNK_MESSAGE) {
            g_assert_cmpuint(message.timestamp_ms, ==, 9);
            g_assert_cmpuint(malloc_usable_size(message.memory), >=, FRONT + sizes[n]);
            g_assert_cmpuint(message.size, ==, sizes[n]);
            g_assert_true(memcmp(message.memory + FRONT, large, sizes[n]) == 0);
            memset(message.memory, 0xaa, FRONT + message.size);
            g_free(message.memory);
            n++;
        }
    }
    g_assert_cmpuint(n, ==, G_N_ELEMENTS(sizes));
    rtmp_chunk_reader_clear(&reader);
}

static void test_header_inside_message(void)
{
    uint8_t bytes[12 + 128 + 12] = {0x03, 0, 0, 0, 0, 0, 200, 9, 1};
    bytes[12 + 128] = 0x03;
    assert_fails(read_bytes(bytes, sizeof bytes), DUB_ERROR_PROTOCOL);
}

static void test_nothing_to_shorten(void)
{
    assert_fails(READ(0xc5), DUB_ERROR_PROTOCOL);
    assert_fails(READ(0x85, 0, 0, 0), DUB_ERROR_PROTOCOL);
}

static void test_too_many_streams(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    for (unsigned i = 0; i <= RTMP_MAX_CHUNK_STREAMS; i++) {
        const uint8_t chunk[] = {0, (uint8_t)i, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 'a'};
        g_byte_array_append(bytes, chunk, sizeof chunk);
    }
    struct outcome outcome = read_in_pieces(bytes, bytes->len);
    g_assert_cmpuint(outcome.messages->len, ==, RTMP_MAX_CHUNK_STREAMS);
    assert_fails(outcome, DUB_ERROR_LIMIT);
}

/* Messages that never end: refused before they fill the memory. */
static void test_too_much_unfinished(void)
{
    const uint32_t each = RTMP_MAX_MESSAGE_BYTES - 1;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    const uint8_t chunk_size[] = {CHUNK_SIZE(0, 0x9f, 0xff, 0xfe)};
    g_byte_array_append(bytes, chunk_size, sizeof chunk_size);
    static const uint8_t payload[RTMP_MAX_MESSAGE_BYTES - 2];
    for (uint8_t csid = 3; csid < 5; csid++) {
        const uint8_t head[] = {csid, 0, 0, 0, (uint8_t)(each >> 16), (uint8_t)(each >> 8), (uint8_t)each, 9,
                                1,    0, 0, 0};
        g_byte_array_append(bytes, head, sizeof head);
        g_byte_array_append(bytes, payload, sizeof payload);
    }
    assert_fails(read_in_pieces(bytes, 65536), DUB_ERROR_LIMIT);
}

/* A byte on each of many chunk streams, and memory for all that is to follow it. */
static void test_what_is_claimed_counts(void)
{
    enum { MESSAGES_WITHIN = 4, CLAIMED = 65536 };
    struct rtmp_chunk_reader reader;
    struct rtmp_message message;
    struct dub_error error = {0};
    rtmp_chunk_reader_init(&reader);
    reader.chunk_bytes = 1;
    reader.max_partial_bytes = MESSAGES_WITHIN * CLAIMED;
    for (unsigned i = 0; i <= MESSAGES_WITHIN; i++) {
        const uint8_t chunk[] = {(uint8_t)(3 + i),
                                 0,
                                 0,
                                 0,
                                 CLAIMED >> 16,
                                 CLAIMED >> 8 & 0xff,
                                 CLAIMED & 0xff,
                                 9,
                                 1,
                                 0,
                                 0,
                                 0,
                                 'a'};
        const uint8_t *data = chunk;
        size_t size = sizeof chunk;
        g_assert_cmpint(rtmp_chunk_reader_receive(&reader, &data, &size, &message, &error), ==,
                        i < MESSAGES_WITHIN ? RTMP_CHUNK_MORE : RTMP_CHUNK_ERROR);
    }
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    rtmp_chunk_reader_clear(&reader);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chunk-reader/hand-written-headers", test_hand_written_headers);
    g_test_add_func("/chunk-reader/type-3-after-type-0-adds-its-time", test_type_3_after_type_0);
    g_test_add_func("/chunk-reader/extended-timestamp-repeats-in-type-3", test_extended_timestamp_repeats);
    g_test_add_func("/chunk-reader/extended-timestamp-is-not-repeated",
                    test_extended_timestamp_is_not_repeated);
    g_test_add_func("/chunk-reader/extended-timestamp-in-pieces", test_extended_timestamp_in_pieces);
    g_test_add_func("/chunk-reader/chunk-size-changes-inside-a-message",
                    test_chunk_size_changes_inside_a_message);
    g_test_add_func("/chunk-reader/first-header-of-type-1", test_first_header_of_type_1);
    g_test_add_func("/chunk-reader/memory-follows-the-bytes", test_memory_follows_the_bytes);
    g_test_add_func("/chunk-reader/room-in-front", test_room_in_front);
    g_test_add_func("/chunk-reader/what-is-claimed-counts", test_what_is_claimed_counts);
    g_test_add_func("/chunk-reader/streams-interleave", test_streams_interleave);
    g_test_add_func("/chunk-reader/abort-forgets-a-message", test_abort_forgets_a_message);
    g_test_add_func("/chunk-reader/bad-chunk-size-fails", test_bad_chunk_size);
    g_test_add_func("/chunk-reader/too-long-message-fails", test_too_long_message);
    g_test_add_func("/chunk-reader/header-inside-message-fails", test_header_inside_message);
    g_test_add_func("/chunk-reader/nothing-to-shorten-fails", test_nothing_to_shorten);
    g_test_add_func("/chunk-reader/too-many-streams-fail", test_too_many_streams);
    g_test_add_func("/chunk-reader/too-much-unfinished-fails", test_too_much_unfinished);
    return g_test_run();
}
