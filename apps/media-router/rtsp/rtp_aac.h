/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AAC over RTP: mpeg4-generic (RFC 3640; several access units in a packet, or one in several; no
 * interleaving) and MP4A-LATM (RFC 6416, received only). */
#pragma once

#include "aac_config.h"
#include "rtp_framer.h"
#include "rtp_packet.h"
#include "rtp_sink.h"

/* 48 channels of 6144 bits, and some. */
#define RTP_AAC_MAX_UNIT_BYTES (64u << 10)

struct rtp_aac_reader;

/* track: SDP_CODEC_AAC or SDP_CODEC_LATM, borrowed for the call. NULL with error when its configuration
 * cannot be read. */
struct rtp_aac_reader *rtp_aac_reader_new(const struct sdp_track *track, struct rtp_sink sink,
                                          struct dub_error *error);
void rtp_aac_reader_free(struct rtp_aac_reader *reader);
/* Hands out the sequence header if it is known. */
void rtp_aac_reader_start(struct rtp_aac_reader *reader);
void rtp_aac_reader_packet(struct rtp_aac_reader *reader, const struct rtp_packet *packet, bool after_gap,
                           int64_t pts_ns);
/* False while it is not known. */
bool rtp_aac_reader_get_config(const struct rtp_aac_reader *reader, struct aac_config *config);

/* The fmtp parameters of what rtp_aac_write makes. */
#define RTP_AAC_SIZE_BITS 13u
#define RTP_AAC_INDEX_BITS 3u
/* Appends the packets of one access unit (AAC-hbr): one, or fragments. None for one that is empty or has more
 * than 8191 bytes, which AAC-hbr cannot say. */
void rtp_aac_write(struct rtp_framer *framer, const uint8_t *unit, size_t size);
