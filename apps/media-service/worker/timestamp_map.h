/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the publisher's timestamps to the stream's input timeline.
 *
 * One offset serves both tracks, so that the relation of sound and picture is exactly the publisher's. Of a
 * live input it is chosen from the arrivals of the first moments: the least delayed buffer is the truth, all
 * others came late (a router hands a new reader its whole GOP cache at once). Afterwards only a slow slew
 * moves it, after the publisher's clock, and a jump of the publisher's timestamps starts it anew. That RTMP's
 * timestamps wrap after 49.7 days changes nothing. Pure: no clock, no threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMESTAMP_MAP_WINDOW_NS                                                                              \
    (INT64_C(300) * 1000 * 1000)                            /* live: how long first arrivals are compared    \
                                                             */
#define TIMESTAMP_MAP_JUMP_NS (INT64_C(1000) * 1000 * 1000) /* a step beyond is the publisher's jump */
#define TIMESTAMP_MAP_WRAP_NS ((INT64_C(1) << 32) * 1000 * 1000) /* 32 bits of milliseconds */
#define TIMESTAMP_MAP_SLEW_NS_PER_S (INT64_C(500) * 1000)        /* 0.5 ms per second: system.md section 4 */
#define TIMESTAMP_MAP_DRIFT_PERIOD_NS                                                                        \
    (INT64_C(10) * 1000 * 1000 * 1000) /* the least lateness of each is compared */
#define TIMESTAMP_MAP_LATE_PERIOD_NS                                                                         \
    (INT64_C(3) * 1000 * 1000 * 1000) /* late by a jump for so long: a jump */

enum track { TRACK_VIDEO, TRACK_AUDIO, TRACK_COUNT };

enum timestamp_map_mode {
    TIMESTAMP_MAP_LIVE, /* positions follow arrival */
    TIMESTAMP_MAP_FILE, /* the earliest timestamp lies at the start position, for good */
};

struct timestamp_track {
    bool seen;
    int64_t last_timestamp_ns, last_arrival_ns;
    int64_t wrapped_ns; /* to be added to its timestamps: they began again that often */
    int64_t offset_ns;  /* differs from the map's only between the two tracks' parts of one jump */
};

/* All positions and arrivals are ns on one clock of the caller's. */
struct timestamp_map {
    enum timestamp_map_mode mode;
    bool anchored;
    int64_t offset_ns; /* position = timestamp + offset */
    int64_t first_arrival_ns, best_ns;
    bool observed[TRACK_COUNT];
    struct timestamp_track tracks[TRACK_COUNT];
    int64_t period_start_ns, period_least_ns; /* lateness: arrival - position */
    int64_t late_since_ns, late_least_ns;     /* late_since 0: not late by a jump */
    int64_t slew_target_ns, slewed_at_ns;     /* what is still to be moved, and when it last was */
    unsigned reanchors;
};

void timestamp_map_init(struct timestamp_map *map, enum timestamp_map_mode mode);

/* Before anchoring: takes one buffer's timestamp into account. */
void timestamp_map_observe(struct timestamp_map *map, enum track track, int64_t timestamp_ns,
                           int64_t arrival_ns);
/* Whether enough has been observed: a live map's window is over, a file's both tracks have begun. */
bool timestamp_map_is_ready(const struct timestamp_map *map, int64_t now_ns);
/* Fixes the offset. start_ns is where a file's earliest timestamp lies; a live map ignores it. Needs at least
 * one observation. */
void timestamp_map_anchor(struct timestamp_map *map, int64_t start_ns);

/* The position of a buffer. Sets *jumped (may be NULL) when the offset was chosen anew for it. */
int64_t timestamp_map_place(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                            int64_t arrival_ns, bool *jumped);
/* The position of another timestamp of the same buffer (its PTS): by the track's current offset. */
int64_t timestamp_map_position(const struct timestamp_map *map, enum track track, int64_t timestamp_ns);
