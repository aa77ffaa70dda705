/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding times for pictures that come with their presentation times only, as in RTP.
 *
 * Pictures come in the order of decoding. With a reorder depth of r (how many may come before a picture and
 * be shown after it) the (r + 1)-th largest presentation time seen so far is final, so it serves as the
 * decoding time: the decoding times are the presentation times in order, r pictures earlier, as encoders
 * write them. A stream that does not say its depth teaches it. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DUB_DECODE_TIMES_DEPTH_MAX 16                               /* ITU-T H.264: MaxDpbFrames */
#define DUB_DECODE_TIMES_JUMP_NS (INT64_C(10) * 1000 * 1000 * 1000) /* a step beyond begins anew */

struct dub_decode_times {
    int depth;
    int64_t picture_ns;                              /* guessed duration of one, for those before the first */
    int64_t largest[DUB_DECODE_TIMES_DEPTH_MAX + 1]; /* ascending; the depth + 1 largest at most */
    int n_largest;
    bool begun;
    int64_t last_pts_ns, last_dts_ns;
};

/* depth: of the codec data, -1 when they do not say. picture_ns: of the frame rate, a guess will do. */
void dub_decode_times_init(struct dub_decode_times *times, int depth, int64_t picture_ns);
/* The decoding time of the next picture: above the one before; above pts_ns only where the depth was larger
 * than said. */
int64_t dub_decode_times_next(struct dub_decode_times *times, int64_t pts_ns);
