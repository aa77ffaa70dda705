/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Transport header (RFC 2326 section 12.39): which of a client's proposals this server can do. It carries
 * RTP in the RTSP connection itself and nothing else. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct rtsp_transport {
    bool has_channels;
    uint8_t rtp_channel, rtcp_channel;
    bool is_record; /* mode=record */
};

enum rtsp_transport_result {
    RTSP_TRANSPORT_OK,
    RTSP_TRANSPORT_UNSUPPORTED, /* nothing but UDP, multicast or SRTP: 461 */
    RTSP_TRANSPORT_MALFORMED,
};

/* Fills *transport from the first proposal that can be done. */
enum rtsp_transport_result rtsp_transport_parse(const char *header, struct rtsp_transport *transport);
