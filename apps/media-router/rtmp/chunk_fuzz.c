/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte is the size of the pieces in which the rest arrives. */
#include "chunk.h"

#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtmp_chunk_reader reader;
    size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;
    enum rtmp_chunk_result result = RTMP_CHUNK_MORE;
    rtmp_chunk_reader_init(&reader);
    for (size_t at = 1; at < size && result != RTMP_CHUNK_ERROR; at += piece) {
        const uint8_t *from = data + at;
        size_t left = MIN(piece, size - at);
        do {
            struct rtmp_message message = {0};
            result = rtmp_chunk_reader_receive(&reader, &from, &left, &message, NULL);
            rtmp_message_clear(&message);
        } while (result == RTMP_CHUNK_MESSAGE);
    }
    rtmp_chunk_reader_clear(&reader);
    return 0;
}
