/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte is a factor of the size of the pieces in which the rest arrives. */
#include "dubbing_rtmp_handshake.h"

#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtmp_handshake handshake;
    g_autoptr(GByteArray) out = g_byte_array_new();
    size_t piece = size > 0 ? (size_t)data[0] * 8 + 1 : 1;
    bool fine = true;
    rtmp_handshake_init(&handshake);
    for (size_t at = 1; fine && at < size && !handshake.done; at += piece) {
        const uint8_t *from = data + at;
        size_t left = MIN(piece, size - at);
        fine = rtmp_handshake_receive(&handshake, &from, &left, out, NULL);
    }
    return 0;
}
