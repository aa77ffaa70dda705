/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both directions of M4A share of FFmpeg's libraries: their words go to our log, their memory has a
 * limit. Any thread. */
#pragma once

#include <dubbing_error.h>
#include <stddef.h>

/* No single block of memory that the libraries ask for is larger. It bounds their time as well: what a small
 * file can make a demuxer do a million times goes into tables. A whole fragment's M4A fits several times. */
#define LIBAV_MAX_ALLOC_BYTES ((size_t)8 << 20)

/* Before any other use of the libraries; the first call counts. */
void libav_start(void);
/* INVALID_AUDIO_FORMAT "M4A: doing: what the library's code means". Returns false. */
bool libav_invalid(struct dub_error *error, const char *doing, int code);
/* INTERNAL_ERROR, likewise. */
bool libav_broken(struct dub_error *error, const char *doing, int code);
