/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests of RTP: catches messages, makes packets, has parameter sets of real encoders. */
#pragma once

#include "rtsp/rtp_packet.h"
#include "rtsp/rtp_reader.h"

#define RTP_RIG_MS INT64_C(1000000)

/* x264: 640x360 at 30 pictures a second, reorder depth 2; the PPS for it; 320x180 baseline, and its PPS. */
#define RTP_RIG_SPS "6764001eacd940a02ff97011000003000100000300 3c0f162d96"
#define RTP_RIG_PPS "68efbcb0"
#define RTP_RIG_BASELINE_SPS "6742c00cd901419f9f011000000300100000030320f142a480"
#define RTP_RIG_BASELINE_PPS "68cb83cb20"

/* Hexadecimal digits with spaces anywhere. */
GBytes *rtp_rig_bytes(const char *hex);
void rtp_rig_assert_bytes(GBytes *bytes, const char *hex);

struct rtp_rig_message {
    enum media_kind kind;
    int64_t dts_ns;
    GBytes *payload;
};

/* A list of struct rtp_rig_message; also checks that times are not negative and do not go back within a kind.
 */
GPtrArray *rtp_rig_list(void);
/* An rtp_reader_media; user is the list. */
void rtp_rig_catch(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user);
const struct rtp_rig_message *rtp_rig_at(const GPtrArray *list, guint index);
/* Of an AVC tag: dts + composition time. */
int64_t rtp_rig_pts_ms(const struct rtp_rig_message *message);

/* Sequence numbers count up from call to call; reset them with a new rtp_rig_source. */
struct rtp_rig_source {
    uint8_t payload_type;
    uint32_t ssrc;
    uint16_t sequence;
    uint32_t timestamp;
};

/* A whole RTP packet. */
GBytes *rtp_rig_packet(struct rtp_rig_source *source, bool marker, const void *payload, gsize size);
