/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds and feeds the GStreamer pipeline that writes one output. Kinds of output are rows of a
 * table: sink_rtmp.c, sink_rtsp.c, sink_muxed.c. */
#pragma once

#include "packet_queue.h"

#include <gst/gst.h>
#include <stdbool.h>

struct sink_ops;

struct sink {
    const struct sink_ops *ops; /* NULL: not there */
    GstElement *pipeline;       /* owned */
    GstElement *video, *audio;  /* appsrc, borrowed from the pipeline; RTMP: the same one */
    GstPad *watched[2];         /* owned: where data enters the last element; RTSP: picture, sound */
    GstCaps *video_caps;        /* owned: those that were set last */
    GstBufferList *pending;     /* owned, RTMP: what is not flushed yet; NULL: nothing */
    int64_t base_ns;            /* SRT, RTSP: 0 of the pipeline's time on the monotonic clock */
    int64_t origin_ns;          /* the timestamp that is 0 on this connection; files: 0 */
    bool begun;                 /* the first packet is in */
};

/* location has been checked by output_location_check. */
void sink_init(struct sink *sink, const char *location);
/* Stops the pipeline and lets go of it. Fine on a zeroed or cleared one. */
void sink_clear(struct sink *sink);

/* The packet goes in, and to the writing thread with sink_flush at the latest; the first one has to be a key
 * frame for RTMP. Never waits. False when this kind of output cannot carry it. */
bool sink_push(struct sink *sink, const struct packet *packet);
/* Nothing else comes for now. Never waits. */
void sink_flush(struct sink *sink);
/* No more packets will come. EOS on the bus follows, or sink_has_ended says so before. */
void sink_end(struct sink *sink);
/* Whether all that was pushed before sink_end has been taken. False for a kind of sink where only EOS on the
 * bus tells. Main thread. */
bool sink_has_ended(const struct sink *sink);
/* Whether the peer of a sink with this location takes what is sent; n_buffers have come to its first watched
 * pad. That pad's thread. */
bool sink_is_up(const char *location, GstPad *pad, int n_buffers);
/* How long a sink with this location has to stay after EOS, so that what is under way arrives. */
int64_t sink_linger_ns(const char *location);
/* What waits to be written. */
int64_t sink_backlog_bytes(const struct sink *sink);
