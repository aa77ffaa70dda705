/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A look at the outermost boxes of an MP4 file (ISO/IEC 14496-12 section 4.2) before a demuxer gets it: says
 * in plain words what the usual mistakes are, and bounds what there is to parse. Pure, any thread. */
#pragma once

#include <dubbing_error.h>
#include <stddef.h>

/* Everything but the media data itself: an hour of packets needs less. */
#define MP4_MAX_TABLE_BYTES ((size_t)1 << 20)

/* Whether the file begins with its type (ftyp), has a directory (moov) and is not cut off inside a box.
 * INVALID_AUDIO_FORMAT says what is wrong. */
bool mp4_check(const void *data, size_t size_bytes, struct dub_error *error);
/* Whether these bytes begin like an MP4 file, however it goes on. */
bool mp4_begins(const void *data, size_t size_bytes);
