/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows the frames of one direction of a WebSocket (RFC 6455 section 5.2) in the bytes that pass.
 *
 * libsoup reads the frames; this only counts what libsoup 3.2 does not bound: the size of a message that
 * comes in fragments, and the pings that it has to answer. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define WS_FRAME_HEADER_MAX 14

/* Zeroed memory is the start of a direction. */
struct ws_frames {
    /* Of the message that passes, or was the last to: the sizes that its frames announced. */
    uint64_t message_bytes;
    unsigned message_frames; /* of these; stops at UINT_MAX */
    uint64_t n_pings;        /* whose header has passed */
    uint64_t n_pongs;
    /* private */
    uint8_t header[WS_FRAME_HEADER_MAX];
    unsigned header_bytes;
    uint64_t payload_left;
};

void ws_frames_pass(struct ws_frames *frames, const void *data, gsize size);
