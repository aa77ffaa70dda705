/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_framer.h"

void rtp_framer_packet(struct rtp_framer *framer, bool marker, const uint8_t *prefix, size_t prefix_size,
                       const uint8_t *data, size_t size)
{
    framer->header.marker = marker;
    dub_write_u8(framer->out, '$');
    dub_write_u8(framer->out, framer->channel);
    dub_write_be16(framer->out, (uint16_t)(RTP_HEADER_BYTES + prefix_size + size));
    rtp_packet_write_header(framer->out, &framer->header);
    dub_write_bytes(framer->out, prefix, prefix_size);
    dub_write_bytes(framer->out, data, size);
    framer->header.sequence++;
    framer->count++;
    framer->payload_bytes += prefix_size + size;
}
