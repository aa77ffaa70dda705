/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte is the size of the pieces in which the rest arrives; the same messages must come out as when
 * it arrives at once. */
#include "dubbing_rtmp_chunk.h"

#include "fuzz_target.h"

/* FNV-1a over all that the messages say. */
static uint64_t digest(uint64_t hash, const struct rtmp_message *message)
{
    gsize size;
    const uint8_t *bytes = g_bytes_get_data(message->payload, &size);
    const uint64_t numbers[] = {message->type, message->stream_id, message->timestamp_ms, size};
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        hash = (hash ^ numbers[i]) * UINT64_C(0x100000001b3);
    for (gsize i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
    struct rtmp_chunk_reader reader;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    enum rtmp_chunk_result result = RTMP_CHUNK_MORE;
    rtmp_chunk_reader_init(&reader);
    for (size_t at = 0; at < size && result != RTMP_CHUNK_ERROR; at += piece) {
        const uint8_t *from = data + at;
        size_t left = MIN(piece, size - at);
        do {
            struct rtmp_message message = {0};
            result = rtmp_chunk_reader_receive(&reader, &from, &left, &message, NULL);
            if (result == RTMP_CHUNK_MESSAGE)
                hash = digest(hash, &message);
            rtmp_message_clear(&message);
        } while (result == RTMP_CHUNK_MESSAGE);
    }
    rtmp_chunk_reader_clear(&reader);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = (size_t)data[0] + 1;
    g_assert_true(read_in_pieces(data + 1, size - 1, piece) == read_in_pieces(data + 1, size - 1, size));
    return 0;
}
