/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A frame is a header of 2 to 14 bytes, which are gathered one by one because they may come cut, and a
 * payload, which is skipped. What is no frame at all is for libsoup to find. */
#include "ws_frames.h"

#include <limits.h>

enum opcode { CONTINUATION = 0, FIRST_CONTROL = 8, PING = 9, PONG = 10 };

static unsigned length_bytes(const struct ws_frames *frames)
{
    unsigned length = frames->header[1] & 0x7f;
    return length == 127 ? 8 : length == 126 ? 2 : 0;
}

static bool is_header_complete(const struct ws_frames *frames)
{
    if (frames->header_bytes < 2)
        return false;
    unsigned mask_bytes = (frames->header[1] & 0x80) != 0 ? 4 : 0;
    return frames->header_bytes == 2 + length_bytes(frames) + mask_bytes;
}

static uint64_t payload_size(const struct ws_frames *frames)
{
    unsigned n = length_bytes(frames);
    if (n == 0)
        return frames->header[1] & 0x7f;
    uint64_t size = 0;
    for (unsigned i = 0; i < n; i++)
        size = size << 8 | frames->header[2 + i];
    return size;
}

static void count(struct ws_frames *frames, unsigned opcode, uint64_t size)
{
    if (opcode == PING)
        frames->n_pings++;
    if (opcode == PONG)
        frames->n_pongs++;
    if (opcode >= FIRST_CONTROL)
        return; /* may stand between the fragments of a message */
    if (opcode != CONTINUATION) {
        frames->message_bytes = 0;
        frames->message_frames = 0;
    }
    frames->message_bytes += MIN(size, UINT64_MAX - frames->message_bytes);
    frames->message_frames += frames->message_frames < UINT_MAX ? 1 : 0;
}

void ws_frames_pass(struct ws_frames *frames, const void *data, gsize size)
{
    const uint8_t *at = data;
    const uint8_t *end = at + size;
    while (at < end) {
        if (frames->payload_left > 0) {
            uint64_t skipped = MIN(frames->payload_left, (uint64_t)(end - at));
            frames->payload_left -= skipped;
            at += skipped;
            continue;
        }
        frames->header[frames->header_bytes++] = *at++;
        if (!is_header_complete(frames))
            continue;
        frames->payload_left = payload_size(frames);
        count(frames, frames->header[0] & 0x0f, frames->payload_left);
        frames->header_bytes = 0;
    }
}
