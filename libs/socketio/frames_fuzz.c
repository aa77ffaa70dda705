/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The WebSocket frames that counted_stream.c follows: however the bytes are cut, they count the same. The
 * first byte says where. */
#include "fuzz_target.h"
#include "ws_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t piece = (size_t)data[0] + 1;
    struct ws_frames whole = {0};
    struct ws_frames cut = {0};
    data++;
    size--;
    ws_frames_pass(&whole, data, size);
    for (size_t at = 0; at < size; at += piece)
        ws_frames_pass(&cut, data + at, MIN(piece, size - at));
    g_assert_cmpuint(whole.message_bytes, ==, cut.message_bytes);
    g_assert_cmpuint(whole.message_frames, ==, cut.message_frames);
    g_assert_cmpuint(whole.n_pings, ==, cut.n_pings);
    g_assert_cmpuint(whole.n_pongs, ==, cut.n_pongs);
    g_assert_cmpuint(whole.payload_left, ==, cut.payload_left);
    g_assert_cmpuint(whole.header_bytes, ==, cut.header_bytes);
    return 0;
}
