/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a demuxer or an RTSP server offers on one pad: which track it is, whether we can use it, and what it
 * is called when not. Pure. */
#pragma once

#include "../time/timestamp_map.h"

#include <gst/gst.h>
#include <stdbool.h>

struct track_offer {
    bool is_media; /* picture or sound; otherwise nothing else is set */
    enum track track;
    bool usable;             /* H.264 or AAC */
    char *codec;             /* owned: for people */
    const char *depayloader; /* the element that takes it out of RTP packets; NULL: it is in none */
    int rate_hz, channels;   /* of sound; 0: not said */
};

void track_offer_init(struct track_offer *offer, const GstCaps *caps);
void track_offer_clear(struct track_offer *offer);
