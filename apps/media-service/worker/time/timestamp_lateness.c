/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_parts.h"

#include <glib.h>

#define MS_NS (INT64_C(1000) * 1000)
#define SECOND_NS (1000 * MS_NS)
/* What catches up, or runs ahead, at all falls by this within seconds. */
#define FALL_NS (20 * MS_NS)

static void begin_lateness(struct timestamp_late *late, int64_t lateness_ns, int64_t arrival_ns)
{
    *late = (struct timestamp_late){
        .open = true,
        .window_start_ns = arrival_ns,
        .window_least_ns = lateness_ns,
        .lowest_ns = INT64_MAX,
        .fell_at_ns = arrival_ns,
        .too_late_since_ns = arrival_ns,
    };
}

/* Once a second true, with the least lateness of it: a single buffer's says little. */
static bool watch_lateness(struct timestamp_late *late, int64_t lateness_ns, int64_t arrival_ns,
                           int64_t *least_ns)
{
    if (!late->open)
        begin_lateness(late, lateness_ns, arrival_ns);
    late->window_least_ns = MIN(late->window_least_ns, lateness_ns);
    if (arrival_ns - late->window_start_ns < SECOND_NS)
        return false;

    *least_ns = late->window_least_ns;
    late->window_start_ns = arrival_ns;
    late->window_least_ns = lateness_ns;
    bool first = late->lowest_ns == INT64_MAX;
    if (!first && *least_ns >= late->lowest_ns - FALL_NS)
        return true;
    late->lowest_ns = *least_ns;
    if (!first)
        late->fell_at_ns = arrival_ns;
    return true;
}

/* By how much the timeline has to follow a stream that is late and stays so; 0: not at all, or not yet. One
 * that the network held up comes faster than its time until it is no longer late, however slowly. */
static int64_t late_for_good(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    struct timestamp_late *late = &map->late;
    int64_t least_ns;

    if (lateness_ns <= TIMESTAMP_MAP_LATE_NS) {
        late->open = false;
        return 0;
    }
    if (!watch_lateness(late, lateness_ns, arrival_ns, &least_ns))
        return 0;
    bool too_late = least_ns > map->absorb_ns;
    if (!too_late)
        late->too_late_since_ns = arrival_ns;
    if (arrival_ns - late->fell_at_ns >=
        (too_late ? TIMESTAMP_MAP_TOO_LATE_FOR_NS : TIMESTAMP_MAP_LATE_FOR_NS))
        return least_ns;
    /* It catches up too slowly to wait for: only the rest that D cannot absorb. */
    if (arrival_ns - late->too_late_since_ns >= TIMESTAMP_MAP_LATE_FOR_NS)
        return least_ns - map->absorb_ns;
    return 0;
}

/* A step that is in doubt stays so: what moves both tracks does not settle it. */
static void begin_anew(struct timestamp_map *map)
{
    map->late.open = false;
    for (int i = 0; i < TRACK_COUNT; i++)
        map->tracks[i].early.open = map->tracks[i].late.open = false;
    map->period_start_ns = 0;
    map->last_least_ns = 0;
    map->reanchors++;
}

static bool follow_late(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    int64_t by_ns = late_for_good(map, lateness_ns, arrival_ns);

    if (by_ns == 0)
        return false;
    timestamp_map_shift(map, by_ns);
    begin_anew(map);
    return true;
}

/* One track alone, by more than any network: its clock is another one. */
static bool follow_late_alone(struct timestamp_map *map, enum track which, int64_t lateness_ns,
                              int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    const struct timestamp_track *other = &map->tracks[timestamp_map_other(which)];
    int64_t least_ns;

    if (lateness_ns <= TIMESTAMP_MAP_APART_NS || !other->seen ||
        timestamp_map_transit(other) - other->offset_ns > TIMESTAMP_MAP_LATE_NS) {
        track->late.open = false;
        return false;
    }
    if (!watch_lateness(&track->late, lateness_ns, arrival_ns, &least_ns) ||
        arrival_ns - track->late.fell_at_ns < TIMESTAMP_MAP_TOO_LATE_FOR_NS)
        return false;
    track->offset_ns += least_ns;
    map->doubt.open = false;
    begin_anew(map);
    return true;
}

/* Early by what the network held up when the map was anchored, it may become earlier yet. */
static bool is_early_for_good(struct timestamp_early *early, int64_t lateness_ns, int64_t arrival_ns,
                              int64_t limit_ns)
{
    if (lateness_ns >= -limit_ns) {
        early->open = false;
        return false;
    }
    if (!early->open)
        *early = (struct timestamp_early){true, lateness_ns, arrival_ns};
    if (lateness_ns < early->least_ns - FALL_NS) {
        early->least_ns = lateness_ns;
        early->fell_at_ns = arrival_ns;
    }
    return arrival_ns - early->fell_at_ns >= TIMESTAMP_MAP_EARLY_FOR_NS ||
           lateness_ns < -TIMESTAMP_MAP_AHEAD_MAX_NS;
}

/* Timestamps that run ahead of time must not pile up. When both do, they stay together. */
static bool follow_early(struct timestamp_map *map, enum track which, int64_t lateness_ns, int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    const struct timestamp_track *other = &map->tracks[timestamp_map_other(which)];

    bool alone = other->seen && timestamp_map_transit(other) - other->offset_ns >= lateness_ns / 2;
    if (!is_early_for_good(&track->early, lateness_ns, arrival_ns,
                           alone ? TIMESTAMP_MAP_ALONE_NS : TIMESTAMP_MAP_EARLY_NS))
        return false;
    if (alone) {
        track->offset_ns += lateness_ns;
        map->doubt.open = false;
    } else {
        timestamp_map_shift(map, lateness_ns);
    }
    begin_anew(map);
    return true;
}

bool timestamp_map_follow_lateness(struct timestamp_map *map, enum track which, int64_t lateness_ns,
                                   int64_t arrival_ns)
{
    return follow_early(map, which, lateness_ns, arrival_ns) ||
           follow_late_alone(map, which, lateness_ns, arrival_ns) ||
           follow_late(map, lateness_ns, arrival_ns);
}
