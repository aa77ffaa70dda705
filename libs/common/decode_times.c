/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_decode_times.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

void dub_decode_times_init(struct dub_decode_times *times, int depth, int64_t picture_ns)
{
    *times = (struct dub_decode_times){
        .depth = CLAMP(depth, 0, DUB_DECODE_TIMES_DEPTH_MAX),
        .picture_ns = picture_ns,
    };
}

/* As if the stream had gone on before its first picture. */
static void begin(struct dub_decode_times *times, int64_t pts_ns)
{
    times->begun = true;
    times->n_largest = 0;
    for (int i = times->depth; i > 0; i--)
        times->largest[times->n_largest++] = pts_ns - i * times->picture_ns;
    times->last_dts_ns = pts_ns - (times->depth + 1) * times->picture_ns;
}

static void insert(struct dub_decode_times *times, int64_t pts_ns)
{
    int at = times->n_largest;

    while (at > 0 && times->largest[at - 1] > pts_ns)
        at--;
    if (times->n_largest <= times->depth) {
        memmove(times->largest + at + 1, times->largest + at,
                sizeof(times->largest[0]) * (size_t)(times->n_largest - at));
        times->largest[at] = pts_ns;
        times->n_largest++;
        return;
    }
    /* Full: the smallest goes, and what comes is larger than it or is not kept. */
    if (at == 0)
        return;
    memmove(times->largest, times->largest + 1, sizeof(times->largest[0]) * (size_t)(at - 1));
    times->largest[at - 1] = pts_ns;
}

int64_t dub_decode_times_next(struct dub_decode_times *times, int64_t pts_ns)
{
    if (!times->begun || llabs(pts_ns - times->last_pts_ns) > DUB_DECODE_TIMES_JUMP_NS)
        begin(times, pts_ns);
    times->last_pts_ns = pts_ns;
    /* Shown before what is taken for shown already: there is more reordering than was known of. */
    if (times->n_largest > times->depth && pts_ns < times->largest[0] &&
        times->depth < DUB_DECODE_TIMES_DEPTH_MAX)
        times->depth++;
    insert(times, pts_ns);
    int64_t dts_ns = MAX(times->largest[0], times->last_dts_ns + 1);
    times->last_dts_ns = dts_ns;
    return dts_ns;
}
