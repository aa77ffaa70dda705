/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes RTP packets one behind the other, framed for interleaved TCP (RFC 2326 section 10.12). */
#pragma once

#include "rtp_packet.h"

enum { RTP_FRAME_HEADER_BYTES = 4 };

struct rtp_framer {
    GByteArray *out; /* borrowed */
    uint8_t channel;
    struct rtp_packet header; /* of the next packet: its sequence number counts up */
    unsigned count;           /* packets written */
    uint64_t payload_bytes;   /* in them */
};

/* One packet: prefix, then data. Together with the header at most 65535 bytes. */
void rtp_framer_packet(struct rtp_framer *framer, bool marker, const uint8_t *prefix, size_t prefix_size,
                       const uint8_t *data, size_t size);
