/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the depacketizers put what they have put together. */
#pragma once

#include "rtp_reader.h"

/* More than RTMP allows for one message cannot be passed on. */
#define RTP_MAX_UNIT_BYTES (10u << 20)

struct rtp_sink {
    rtp_reader_media *media;
    void *user;
    struct rtp_reader_stats *stats;
};
