/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rtpmap and fmtp attributes of the codecs that the router carries. RFC 6184 section 8.1, RFC 3640
 * section 4.1, RFC 6416 section 7. */
#pragma once

#include "sdp.h"

/* Fills codec, encoding, clock rate, channels and configuration; payload_type is set. rtpmap is "H264/90000",
 * fmtp "packetization-mode=1; ...", NULL: none. Codecs that are not carried stay SDP_CODEC_OTHER. False with
 * error when one that is carried is described so that it cannot be received. */
bool sdp_format_read(struct sdp_track *track, const char *rtpmap, const char *fmtp, struct dub_error *error);
/* Appends both lines. */
void sdp_format_write(const struct sdp_track *track, GString *out);
