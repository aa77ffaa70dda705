/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the timestamp map's parts feed it with. */
#pragma once

#include "timestamp_map.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define ARRIVAL (100 * S)
#define ABSORB (2500 * MS)

/* A map whose first buffer came at arrival_ns. */
void anchor_live(struct timestamp_map *map, int64_t timestamp_ns, int64_t arrival_ns);
/* Feeds both tracks every 20 ms from *timestamp_ns to its end, arriving offset_ns after their timestamps; how
 * often the offset was chosen anew. */
unsigned feed(struct timestamp_map *map, int64_t *timestamp_ns, int64_t duration_ns, int64_t offset_ns);

/* Both tracks as they come: a picture every 40 ms, sound every 21, the network's jitter of up to 10 ms. */
struct stream {
    struct timestamp_map map;
    int64_t picture_ns;
    int64_t next_ns[TRACK_COUNT];     /* captured */
    int64_t step_ns[TRACK_COUNT];     /* timestamp - captured */
    int64_t last_ns[TRACK_COUNT];     /* position */
    int64_t worst_ns, least_ahead_ns; /* off the arrival; between a track's positions */
    unsigned count, jumps;
};

void stream_init(struct stream *stream);
/* The position of one buffer that is captured at at_ns. */
int64_t stream_place(struct stream *stream, enum track track, int64_t at_ns);
/* Goes on for so long; worst_ns is of this time. */
void stream_run(struct stream *stream, int64_t duration_ns);
