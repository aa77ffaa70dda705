/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_parts.h"

#include <glib.h>

void timestamp_map_init(struct timestamp_map *map, enum timestamp_map_mode mode, int64_t absorb_ns)
{
    *map = (struct timestamp_map){.mode = mode, .absorb_ns = absorb_ns};
}

void timestamp_map_observe(struct timestamp_map *map, enum track track, int64_t timestamp_ns,
                           int64_t arrival_ns)
{
    bool first = !map->observed[TRACK_VIDEO] && !map->observed[TRACK_AUDIO];
    /* Both are minima: of a live input the least delayed buffer counts, of a file the earliest. */
    int64_t candidate_ns = map->mode == TIMESTAMP_MAP_LIVE ? arrival_ns - timestamp_ns : timestamp_ns;

    if (first)
        map->first_arrival_ns = arrival_ns;
    if (first || candidate_ns < map->best_ns)
        map->best_ns = candidate_ns;
    map->observed[track] = true;
}

bool timestamp_map_is_ready(const struct timestamp_map *map, int64_t now_ns)
{
    if (map->mode == TIMESTAMP_MAP_FILE)
        return map->observed[TRACK_VIDEO] && map->observed[TRACK_AUDIO];
    return (map->observed[TRACK_VIDEO] || map->observed[TRACK_AUDIO]) &&
           now_ns - map->first_arrival_ns >= TIMESTAMP_MAP_WINDOW_NS;
}

void timestamp_map_anchor(struct timestamp_map *map, int64_t start_ns)
{
    g_assert(map->observed[TRACK_VIDEO] || map->observed[TRACK_AUDIO]);
    map->offset_ns = map->mode == TIMESTAMP_MAP_LIVE ? map->best_ns : start_ns - map->best_ns;
    map->anchored = true;
}

enum track timestamp_map_other(enum track track)
{
    return track == TRACK_VIDEO ? TRACK_AUDIO : TRACK_VIDEO;
}

int64_t timestamp_map_transit(const struct timestamp_track *track)
{
    return track->last_arrival_ns - track->last_timestamp_ns;
}

void timestamp_map_shift(struct timestamp_map *map, int64_t by_ns)
{
    map->offset_ns += by_ns;
    for (int i = 0; i < TRACK_COUNT; i++)
        map->tracks[i].offset_ns += by_ns;
}

/* RTMP counts milliseconds in 32 bits: after 49.7 days they begin again, which is no jump. A track that
 * appears only after that has to be where the other is. */
static int64_t unwrap(struct timestamp_map *map, enum track which, int64_t timestamp_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    const struct timestamp_track *other = &map->tracks[timestamp_map_other(which)];

    if (track->seen) {
        if (timestamp_ns + track->wrapped_ns - track->last_timestamp_ns < -TIMESTAMP_MAP_WRAP_NS / 2)
            track->wrapped_ns += TIMESTAMP_MAP_WRAP_NS;
    } else if (other->seen) {
        int64_t behind_ns = other->last_timestamp_ns - timestamp_ns + TIMESTAMP_MAP_WRAP_NS / 2;
        track->wrapped_ns = MAX(behind_ns, 0) / TIMESTAMP_MAP_WRAP_NS * TIMESTAMP_MAP_WRAP_NS;
    }
    return timestamp_ns + track->wrapped_ns;
}

/* Returns true when the offset had to be chosen anew. */
static bool follow_publisher(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                             int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    bool moved = track->seen && timestamp_map_follow_jump(map, which, timestamp_ns, arrival_ns);
    int64_t lateness_ns = arrival_ns - (timestamp_ns + track->offset_ns);

    if (timestamp_map_follow_lateness(map, which, lateness_ns, arrival_ns))
        return true;
    if (track->seen)
        timestamp_map_follow_drift(map, lateness_ns, arrival_ns);
    return moved;
}

int64_t timestamp_map_place(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                            int64_t arrival_ns, bool *jumped)
{
    struct timestamp_track *track = &map->tracks[which];
    bool has_moved = false;

    g_assert(map->anchored);
    if (!track->seen)
        track->offset_ns = map->offset_ns;
    if (map->mode == TIMESTAMP_MAP_LIVE) {
        timestamp_ns = unwrap(map, which, timestamp_ns);
        has_moved = follow_publisher(map, which, timestamp_ns, arrival_ns);
    }
    track->seen = true;
    track->last_timestamp_ns = timestamp_ns;
    track->last_arrival_ns = arrival_ns;
    if (jumped)
        *jumped = has_moved;
    return timestamp_ns + track->offset_ns;
}

int64_t timestamp_map_unwrapped(const struct timestamp_map *map, enum track track, int64_t timestamp_ns)
{
    return timestamp_ns + map->tracks[track].wrapped_ns;
}
