/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a kind of output has to know; private to sink.c and sink_*.c. */
#pragma once

#include "sink.h"

struct sink_ops {
    /* Makes the pipeline's elements and the watched pads, or for RTMP the link. */
    void (*build)(struct sink *sink, const char *location, struct written_meter *meter);
    void (*set_video_caps)(struct sink *sink, const struct packet *packet);
    bool (*push)(struct sink *sink, const struct packet *packet);
    void (*flush)(struct sink *sink); /* NULL: push keeps nothing back */
    /* Whether the peer takes what is sent; n_buffers have come to the first watched pad. That pad's thread.
     */
    bool (*is_up)(GstPad *pad, int n_buffers);
    int64_t linger_ns; /* as sink_linger_ns */
    /* As sink_has_ended; NULL: EOS on the bus is reliable. */
    bool (*has_ended)(const struct sink *sink);
};

extern const struct sink_ops sink_rtmp_ops, sink_file_ops, sink_srt_ops, sink_rtsp_ops;

/* An appsrc for the pipeline; caps_text may be NULL. Unbounded: output.c watches the level and gives up a
 * peer that does not read. */
GstElement *sink_new_appsrc(struct sink *sink, const char *caps_text);
/* Adds the element that writes, and watches the pad through which all data comes to it. */
void sink_add_last(struct sink *sink, GstElement *last);
/* The caps that the codec of the packet's picture has, completed with what muxers and payloaders ask for. */
void sink_set_complete_caps(struct sink *sink, const struct packet *packet);
/* A copy of the packet's buffer with its times, into the appsrc of its track. */
bool sink_push_timed(struct sink *sink, const struct packet *packet);
/* The second buffer at the last element means that the first was taken. */
bool sink_is_up_by_count(GstPad *pad, int n_buffers);
/* Says on the bus that the peer takes what is sent. Any thread. */
void sink_post_connected(GstElement *pipeline);
