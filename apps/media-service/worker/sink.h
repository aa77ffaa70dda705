/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds and feeds the GStreamer pipeline that writes one output. An RTMP connection gets FLV tags in the
 * order in which packets come; a file has a muxer that sorts them by itself. */
#pragma once

#include "packet_queue.h"

#include <gst/gst.h>
#include <stdbool.h>

struct sink_ops;

struct sink {
    const struct sink_ops *ops; /* NULL: not there */
    GstElement *pipeline;       /* owned */
    GstElement *video, *audio;  /* appsrc, borrowed from the pipeline; RTMP: the same one */
    GstPad *last_pad;           /* owned: where muxed data enters the last element */
    GstCaps *video_caps;        /* owned: those that were set last */
    int64_t origin_ns;          /* RTMP: the timestamp that is 0 on this connection */
    bool begun;                 /* RTMP: headers are out */
};

/* location has been checked by output_location_check. */
void sink_init(struct sink *sink, const char *location);
/* Stops the pipeline and lets go of it. Fine on a zeroed or cleared one. */
void sink_clear(struct sink *sink);

/* The packet goes in; the first one has to be a key frame for RTMP.
 * Never waits. False when this kind of output cannot carry it. */
bool sink_push(struct sink *sink, const struct packet *packet);
/* No more packets will come; EOS on the bus follows. */
void sink_end(struct sink *sink);
/* What waits to be written. */
int64_t sink_backlog_bytes(const struct sink *sink);
