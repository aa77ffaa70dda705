/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes one output: kinds are rows of a table, sink_rtmp.c, sink_rtsp.c, sink_muxed.c. All but RTMP are
 * GStreamer pipelines. What becomes of an output is told by messages on its pipeline's bus: errors, EOS after
 * sink_end, and the application message "connected" when the peer takes what is sent. */
#pragma once

#include "packet_queue.h"
#include "written_meter.h"

#include <gst/gst.h>
#include <stdbool.h>

struct rtmp_link;
struct sink_ops;

struct sink {
    const struct sink_ops *ops; /* NULL: not there */
    GstElement *pipeline;       /* owned; of RTMP's only the bus is in use */
    GstElement *video, *audio;  /* appsrc, borrowed from the pipeline; RTMP: NULL */
    GstPad *watched[2];     /* owned: where data enters the last element; RTSP: picture, sound; RTMP: NULL */
    struct rtmp_link *link; /* owned, RTMP only */
    GstCaps *video_caps;    /* owned: those that were set last */
    int64_t base_ns;        /* SRT, RTSP: 0 of the pipeline's time on the monotonic clock */
    int64_t origin_ns;      /* the timestamp that is 0 on this connection; files: 0 */
    bool begun;             /* the first packet is in */
};

/* Begins to connect. location has been checked by output_location_check; the meter hears of everything that
 * is written, and outlives the sink. Any thread. */
void sink_init(struct sink *sink, const char *location, struct written_meter *meter);
/* Stops it and lets go of it. Fine on a zeroed or cleared one. Main thread. */
void sink_clear(struct sink *sink);

/* The packet goes in, and out with sink_flush at the latest; the first one has to be a key frame for RTMP.
 * Never waits. False when this kind of output cannot carry it. */
bool sink_push(struct sink *sink, const struct packet *packet);
/* Nothing else comes for now. Never waits. */
void sink_flush(struct sink *sink);
/* No more packets will come. EOS on the bus follows, or sink_has_ended says so before. */
void sink_end(struct sink *sink);
/* Whether all that was pushed before sink_end has been taken. False for a kind of sink where only EOS on the
 * bus tells. Main thread. */
bool sink_has_ended(const struct sink *sink);
/* How long a sink with this location has to stay after EOS, so that what is under way arrives. */
int64_t sink_linger_ns(const char *location);
/* What waits to be written. */
int64_t sink_backlog_bytes(const struct sink *sink);
