/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pipelines have in common around GStreamer elements. */
#pragma once

#include <dubbing_error.h>
#include <gst/gst.h>
#include <stdbool.h>

/* Whether every element that this input and output need is installed; names a missing one and its package. */
bool elements_check(const char *input, const char *output, struct dub_error *error);

/* Of the library in use: "1.22.0". Owned by the caller. */
char *elements_gst_version(void);

/* The buffer's timestamps, for a thread that got it through an element. Elements hand buffers over under
 * locks of their own, which ThreadSanitizer does not see in a library that is not built for it. */
GstClockTime elements_pts(const GstBuffer *buffer);
GstClockTime elements_dts(const GstBuffer *buffer);

/* What an error or warning message on a bus says, with the detail that elements put into its debug text.
 * Owned by the caller. */
char *elements_error_text(GstMessage *message);

/* The picture size out of the codec data of video/x-h264 AVC caps (ISO 14496-15), cropping applied. */
bool elements_h264_size(const GstCaps *caps, int *width, int *height);

/* How many pictures may come before, and be shown after, another one, by the codec data of such caps
 * (ITU-T H.264 section E.2.1, max_num_reorder_frames); -1 when they do not say. */
int elements_h264_reorder(const GstCaps *caps);

/* Makes a pipeline run on the system's monotonic clock with this base time, now and for good. */
void elements_use_clock(GstElement *pipeline, GstClockTime base_ns);
