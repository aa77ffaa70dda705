/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pipelines have in common around GStreamer elements. */
#pragma once

#include <dubbing_error.h>
#include <gst/gst.h>
#include <stdbool.h>

/* Whether every element that the worker may need is installed; names the missing ones and their package. */
bool elements_check(struct dub_error *error);

/* The picture size out of the codec data of video/x-h264 AVC caps (ISO 14496-15), cropping applied. */
bool elements_h264_size(const GstCaps *caps, int *width, int *height);

/* Makes a pipeline run on the system's monotonic clock with this base time, now and for good. */
void elements_use_clock(GstElement *pipeline, GstClockTime base_ns);
