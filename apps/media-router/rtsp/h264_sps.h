/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the router needs to know of an H.264 sequence parameter set. ITU-T H.264 sections 7.3.2.1.1, E.1 and
 * A.3. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H264_MAX_PARAMETER_SET_BYTES 4096

enum h264_nal {
    H264_NAL_IDR = 5,
    H264_NAL_SEI = 6,
    H264_NAL_SPS = 7,
    H264_NAL_PPS = 8,
    H264_NAL_AUD = 9,
    H264_NAL_STAP_A = 24, /* from here on RFC 6184 section 5.2 */
    H264_NAL_FU_A = 28,
};

static inline unsigned h264_nal_type(uint8_t first_byte)
{
    return first_byte & 0x1f;
}

/* A coded slice, or a partition of one. */
static inline bool h264_nal_is_slice(unsigned type)
{
    return type >= 1 && type <= H264_NAL_IDR;
}

struct h264_sps {
    uint8_t profile, constraints, level;
    unsigned id;
    unsigned chroma_format, luma_depth, chroma_depth;
    unsigned width, height; /* as shown, pixels */
    /* How many pictures may come before another one and be shown after it: what the SPS says, or the most
     * that its profile and level allow. 0 to 16. */
    unsigned reorder_depth;
    int64_t picture_ns; /* of one picture; 0: not said */
};

/* nal begins with the NAL header. False when it is broken. */
bool h264_sps_parse(const uint8_t *nal, size_t size, struct h264_sps *sps);
/* False when it is broken. */
bool h264_pps_parse_id(const uint8_t *nal, size_t size, unsigned *id);
/* A SEI NAL with a recovery point (D.1.8): a decoder may start here although the picture is not IDR. */
bool h264_sei_has_recovery_point(const uint8_t *nal, size_t size);
