/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the publisher's timestamps to the stream's input timeline.
 *
 * One offset serves both tracks, so that the relation of sound and picture is exactly the publisher's. Of a
 * live input it is chosen from the arrivals of the first moments: the least delayed buffer is the truth, all
 * others came late (a router hands a new reader its whole GOP cache at once). Afterwards only a slow slew
 * moves it, after the publisher's clock, except for what no network does:
 * - timestamps that step back, or that suddenly come before their time, of both tracks: they jumped;
 * - a stream that is late and does not catch up: the publisher stood still;
 * - one that runs ahead of time.
 * What the network holds up comes late, and catches up: that moves nothing, D absorbs it. That
 * timestamps wrap, RTMP's after 49.7 days, MPEG's after 26.5 hours, changes nothing. Pure: no clock, no
 * threads. */
#pragma once

#include "../../shared/track.h"

#include <stdbool.h>
#include <stdint.h>

/* Live: how long first arrivals are compared. */
#define TIMESTAMP_MAP_WINDOW_NS (INT64_C(300) * 1000 * 1000)
/* A smaller step between timestamps and arrivals is jitter; it is slewed away. */
#define TIMESTAMP_MAP_STEP_NS (INT64_C(60) * 1000 * 1000)
/* One track that steps by less, alone, means what it says: sound and picture are to be moved so. By more, it
 * has a new clock. */
#define TIMESTAMP_MAP_ALONE_NS (INT64_C(1000) * 1000 * 1000)
/* In this time the other track shows whether it stepped as well. */
#define TIMESTAMP_MAP_DOUBT_NS (INT64_C(250) * 1000 * 1000)
/* Late by more is not left to the slew when it has not fallen for so long; sooner when D cannot absorb it. */
#define TIMESTAMP_MAP_LATE_NS (INT64_C(1000) * 1000 * 1000)
#define TIMESTAMP_MAP_LATE_FOR_NS (INT64_C(10) * 1000 * 1000 * 1000)
#define TIMESTAMP_MAP_TOO_LATE_FOR_NS (INT64_C(3) * 1000 * 1000 * 1000)
/* Early by more (what D is too long) neither, when it does not become earlier for so long, or by too much. */
#define TIMESTAMP_MAP_EARLY_NS (INT64_C(250) * 1000 * 1000)
#define TIMESTAMP_MAP_EARLY_FOR_NS (INT64_C(3) * 1000 * 1000 * 1000)
#define TIMESTAMP_MAP_AHEAD_MAX_NS (INT64_C(5) * 1000 * 1000 * 1000)
#define TIMESTAMP_MAP_WRAP_NS ((INT64_C(1) << 32) * 1000 * 1000)      /* 32 bits of milliseconds */
#define TIMESTAMP_MAP_WRAP_90KHZ_NS ((INT64_C(1) << 33) * 100000 / 9) /* 33 bits at 90 kHz: 26.5 hours */
/* What begins again there continues as time does, to this. */
#define TIMESTAMP_MAP_WRAP_REACH_NS (INT64_C(3600) * 1000 * 1000 * 1000)
/* Tracks that begin further apart than any cache reaches have clocks of their own: arrival relates them. */
#define TIMESTAMP_MAP_APART_NS (INT64_C(30) * 1000 * 1000 * 1000)
#define TIMESTAMP_MAP_SLEW_NS_PER_S (INT64_C(500) * 1000) /* 0.5 ms per second: system.md section 4 */
/* The least lateness of each such period is compared. */
#define TIMESTAMP_MAP_DRIFT_PERIOD_NS (INT64_C(10) * 1000 * 1000 * 1000)

enum timestamp_map_mode {
    TIMESTAMP_MAP_LIVE, /* positions follow arrival */
    TIMESTAMP_MAP_FILE, /* the earliest timestamp lies at the start position, for good */
};

/* An episode of earliness. */
struct timestamp_early {
    bool open;
    int64_t least_ns, fell_at_ns; /* lateness, and when it last fell */
};

/* An episode of lateness. */
struct timestamp_late {
    bool open;
    int64_t window_start_ns, window_least_ns;
    int64_t lowest_ns, fell_at_ns; /* the least of all windows, and when it last fell */
    int64_t too_late_since_ns;     /* since when D cannot absorb it */
};

/* How often a track's timestamps began again. */
struct timestamp_wraps {
    bool any; /* a buffer has come */
    int64_t last_timestamp_ns, last_arrival_ns;
    int64_t wrapped_ns; /* to be added to its timestamps; negative: the other track began after the wrap */
};

struct timestamp_track {
    bool seen;
    int64_t last_timestamp_ns, last_arrival_ns;
    int64_t last_step_ns; /* how much further the last timestamp went than its arrival */
    struct timestamp_wraps wraps;
    int64_t offset_ns; /* differs from the map's only after a step that the other did not make */
    struct timestamp_early early;
    struct timestamp_late late; /* by so much that it cannot be the stream */
};

/* One track stepped; whether both did is not known yet. */
struct timestamp_doubt {
    bool open;
    enum track first;
    int64_t since_ns;                /* arrival */
    int64_t by_ns;                   /* how much further timestamps went than arrivals */
    int64_t map_by_ns;               /* what the map's offset went back */
    int64_t transit_ns[TRACK_COUNT]; /* arrival - timestamp, before the step */
    unsigned n_old;                  /* buffers of the other track that did not step */
};

/* All positions and arrivals are ns on one clock of the caller's. */
struct timestamp_map {
    enum timestamp_map_mode mode;
    int64_t absorb_ns; /* what is late by more cannot be heard any more */
    bool anchored;
    int64_t offset_ns; /* position = timestamp + offset */
    int64_t first_arrival_ns, best_ns[TRACK_COUNT];
    struct timestamp_wraps observed[TRACK_COUNT];
    struct timestamp_track tracks[TRACK_COUNT];
    struct timestamp_doubt doubt;
    struct timestamp_late late;
    int64_t period_start_ns, period_least_ns; /* lateness: arrival - position */
    int64_t last_least_ns;                    /* of the period before */
    int64_t slew_target_ns, slewed_at_ns;     /* what is still to be moved, and when it last was */
    unsigned reanchors;
};

/* absorb_ns: how late a buffer may come and still be of use; a file's map ignores it. */
void timestamp_map_init(struct timestamp_map *map, enum timestamp_map_mode mode, int64_t absorb_ns);

/* Before anchoring: takes one buffer's timestamp into account. */
void timestamp_map_observe(struct timestamp_map *map, enum track track, int64_t timestamp_ns,
                           int64_t arrival_ns);
/* Whether enough has been observed: a live map's window is over, a file's both tracks have begun. */
bool timestamp_map_is_ready(const struct timestamp_map *map, int64_t now_ns);
/* Fixes the offset. start_ns is where a file's earliest timestamp lies; a live map ignores it. Needs at least
 * one observation. */
void timestamp_map_anchor(struct timestamp_map *map, int64_t start_ns);

/* The position of a buffer, of a live map at most TIMESTAMP_MAP_AHEAD_MAX_NS after its arrival. Sets *jumped
 * (may be NULL) when the offset was chosen anew for it. */
int64_t timestamp_map_place(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                            int64_t arrival_ns, bool *jumped);
/* The buffer's own timestamp as if the track's timestamps had never wrapped. After timestamp_map_place. */
int64_t timestamp_map_unwrapped(const struct timestamp_map *map, enum track track, int64_t timestamp_ns);
