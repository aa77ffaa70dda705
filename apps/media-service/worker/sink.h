/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the GStreamer pipeline that writes one output. Kinds of output are rows of a table. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>

struct sink {
    GstElement *pipeline;      /* owned */
    GstElement *video, *audio; /* appsrc, borrowed from the pipeline */
    GstPad *last_pad;          /* owned: where muxed data enters the last element */
};

/* location has been checked by output_location_check. live as in output.h. */
void sink_init(struct sink *sink, const char *location, bool live, const char *audio_caps);
/* Stops the pipeline and lets go of it. Fine on a zeroed or cleared one. */
void sink_clear(struct sink *sink);
