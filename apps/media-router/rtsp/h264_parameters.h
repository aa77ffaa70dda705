/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parameter sets of an H.264 stream, by their ids, and their form in FLV: an
 * AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1) in a video tag's body. */
#pragma once

#include "h264_sps.h"

#include <glib.h>

struct h264_parameters {
    GBytes *sps[32], *pps[256]; /* NAL units with their headers; NULL: not there */
    bool changed;               /* since the caller last set it false */
};

void h264_parameters_clear(struct h264_parameters *parameters);
/* Takes over an SPS or PPS. False when it is broken, or another kind of NAL. */
bool h264_parameters_put(struct h264_parameters *parameters, const uint8_t *nal, size_t size);
/* The body of an FLV sequence header; NULL while an SPS or a PPS is missing. */
GBytes *h264_parameters_flv_body(const struct h264_parameters *parameters);
/* From an AVCDecoderConfigurationRecord; what was there before goes. False when it is broken or holds no SPS.
 * length_bytes: of a NAL unit's length in the stream, 1, 2 or 4. */
bool h264_parameters_read(struct h264_parameters *parameters, const uint8_t *record, size_t size,
                          unsigned *length_bytes);
/* Calls each for all SPS, then all PPS. */
void h264_parameters_for_each(const struct h264_parameters *parameters, void (*each)(GBytes *nal, void *user),
                              void *user);
/* The first SPS, parsed; false without one. */
bool h264_parameters_get_sps(const struct h264_parameters *parameters, struct h264_sps *sps);
