/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One FLV tag (Adobe Flash Video File Format Specification 10.1, annex E; Enhanced RTMP version 1 for other
 * codecs), looked at just so far as to know what a new connection has to begin with. Its body is never
 * touched. Pure. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

enum tag_kind {
    TAG_METADATA, /* onMetaData */
    TAG_VIDEO_HEADER,
    TAG_AUDIO_HEADER,
    TAG_KEY_PICTURE,
    TAG_PICTURE, /* and what else belongs to the picture in its order */
    TAG_SOUND,
    TAG_DATA, /* other script data */
};

struct tag {
    enum tag_kind kind;
    uint32_t time_ms;
};

/* buffer: one whole tag with its trailing size, as rtmp2src puts it out, behind a file header or not. False
 * for anything else; *at is where the tag begins. */
bool tag_read(struct tag *tag, GstBuffer *buffer, gsize *at);
/* The tag that begins at `at` with another time; the body's memory is shared. Owned by the caller. */
GstBuffer *tag_with_time(GstBuffer *buffer, gsize at, uint32_t time_ms);
