/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a stream over RTMP on one thread of its own. GStreamer's elements for it have three, and on a
 * stream's small packets waking them costs more than the work that they do. */
#pragma once

#include "../output/packet_queue.h"

#include <dubbing_error.h>
#include <gst/gst.h>

struct source_rtmp;

/* On the connection's thread, in the order in which things came. */
struct source_rtmp_events {
    /* The track's codec data, at the beginning and when they change. video/x-h264 AVC, audio/mpeg raw. */
    void (*on_caps)(enum track track, const GstCaps *caps, void *user);
    /* One access unit or sound frame with its caps; its times are the publisher's, beyond the wrap of RTMP's
     * 32 bits. Borrowed. */
    void (*on_packet)(enum track track, GstSample *sample, void *user);
    /* A codec that is neither H.264 nor AAC, at its first packet. */
    void (*on_unusable)(enum track track, const char *codec, void *user);
    /* Once, the last one: NULL when the publisher ended the stream, otherwise what broke. */
    void (*on_over)(const char *failure, void *user);
};

/* NULL with an error when the URL is none, or no thread can be had. */
struct source_rtmp *source_rtmp_new(const char *url, const struct source_rtmp_events *events, void *user,
                                    struct dub_error *error);
/* Ends the thread: no event runs afterwards. NULL is fine. */
void source_rtmp_free(struct source_rtmp *source);
