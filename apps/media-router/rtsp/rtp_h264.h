/* SPDX-License-Identifier: GPL-3.0-or-later */
/* H.264 over RTP, RFC 6184: single NAL units, STAP-A and FU-A (packetization modes 0 and 1). */
#pragma once

#include "h264_parameters.h"
#include "rtp_framer.h"
#include "rtp_packet.h"
#include "rtp_sink.h"

/* Packets to FLV video tag bodies. What the sequence header has (SPS, PPS) and access unit delimiters are
 * taken out of the pictures, everything else is left as it is. After a loss pictures are dropped up to the
 * next one that can be decoded alone: IDR, or with a recovery point (then without those that are shown before
 * it). Decoding times: dubbing_decode_times.h, with the depth that the SPS says or allows. */
struct rtp_h264_reader;

/* parameter_sets: GBytes, of the SDP; broken ones are left out. */
struct rtp_h264_reader *rtp_h264_reader_new(const GPtrArray *parameter_sets, struct rtp_sink sink);
void rtp_h264_reader_free(struct rtp_h264_reader *reader);
/* How far decoding times may be before presentation times. */
int64_t rtp_h264_reader_lead_ns(const struct rtp_h264_reader *reader);
/* Hands out the sequence header if the SDP had one. */
void rtp_h264_reader_start(struct rtp_h264_reader *reader);
/* after_gap: packets are missing before this one. */
void rtp_h264_reader_packet(struct rtp_h264_reader *reader, const struct rtp_packet *packet, bool after_gap,
                            int64_t pts_ns);
void rtp_h264_reader_flush(struct rtp_h264_reader *reader);
/* Of the picture that has begun. */
gsize rtp_h264_reader_unfinished_bytes(const struct rtp_h264_reader *reader);
/* Of the picture; false while no SPS is known. */
bool rtp_h264_reader_get_size(const struct rtp_h264_reader *reader, unsigned *width, unsigned *height);

/* More than slices of one packet each would be in the largest picture. */
#define RTP_H264_MAX_UNITS 16384u

/* FLV video tag bodies to packets. A picture to start from gets the parameter sets in a STAP-A before it,
 * unless it has its own. */
struct rtp_h264_writer {
    struct h264_parameters parameters;
    unsigned length_bytes;
    GArray *units; /* of the picture at hand */
};

void rtp_h264_writer_init(struct rtp_h264_writer *writer);
void rtp_h264_writer_clear(struct rtp_h264_writer *writer);
/* An FLV sequence header; false when it is broken (the last good one stays). */
bool rtp_h264_writer_config(struct rtp_h264_writer *writer, const uint8_t *body, size_t size);
/* The composition time of a video tag's body, ms. */
int32_t rtp_h264_composition_ms(const uint8_t *body, size_t size);
/* Appends the packets of a coded picture; none for a body that is broken, or that has no NAL unit. */
void rtp_h264_writer_picture(struct rtp_h264_writer *writer, const uint8_t *body, size_t size, bool is_key,
                             struct rtp_framer *framer);
