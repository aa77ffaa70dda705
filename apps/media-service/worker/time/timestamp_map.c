/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_parts.h"

#include <glib.h>
#include <stdlib.h>

void timestamp_map_init(struct timestamp_map *map, enum timestamp_map_mode mode, int64_t absorb_ns)
{
    *map = (struct timestamp_map){.mode = mode, .absorb_ns = absorb_ns};
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

/* Whether a timestamp continues another one that came elapsed_ns before it. */
static bool continues(int64_t timestamp_ns, int64_t last_ns, int64_t elapsed_ns)
{
    return llabs(timestamp_ns - last_ns - elapsed_ns) < TIMESTAMP_MAP_WRAP_REACH_NS;
}

/* Timestamps that begin again are no jump. A track that appears only now has to be where the other is. */
static int64_t unwrap(struct timestamp_wraps *wraps, const struct timestamp_wraps *other,
                      int64_t timestamp_ns, int64_t arrival_ns)
{
    static const int64_t periods_ns[] = {TIMESTAMP_MAP_WRAP_NS, TIMESTAMP_MAP_WRAP_90KHZ_NS};
    const struct timestamp_wraps *last = wraps->any ? wraps : other;
    int64_t wrapped_ns = last->wrapped_ns, elapsed_ns = arrival_ns - last->last_arrival_ns;
    int64_t same_ns = timestamp_ns + wrapped_ns;

    for (size_t i = 0; i < G_N_ELEMENTS(periods_ns) && last->any; i++) {
        if (continues(same_ns + periods_ns[i], last->last_timestamp_ns, elapsed_ns))
            wrapped_ns += periods_ns[i];
        else if (continues(same_ns - periods_ns[i], last->last_timestamp_ns, elapsed_ns))
            wrapped_ns -= periods_ns[i]; /* from just before */
    }
    *wraps = (struct timestamp_wraps){
        .any = true,
        .last_timestamp_ns = timestamp_ns + wrapped_ns,
        .last_arrival_ns = arrival_ns,
        .wrapped_ns = wrapped_ns,
    };
    return wraps->last_timestamp_ns;
}

void timestamp_map_observe(struct timestamp_map *map, enum track track, int64_t timestamp_ns,
                           int64_t arrival_ns)
{
    struct timestamp_wraps *observed = &map->observed[track];
    const struct timestamp_wraps *other = &map->observed[timestamp_map_other(track)];
    bool first = !observed->any;
    /* Both are minima: of a live input the least delayed buffer counts, of a file the earliest. */
    int64_t candidate_ns = timestamp_ns;

    if (first && !other->any)
        map->first_arrival_ns = arrival_ns;
    if (map->mode == TIMESTAMP_MAP_LIVE)
        candidate_ns = arrival_ns - unwrap(observed, other, timestamp_ns, arrival_ns);
    if (first || candidate_ns < map->best_ns[track])
        map->best_ns[track] = candidate_ns;
    observed->any = true;
}

bool timestamp_map_is_ready(const struct timestamp_map *map, int64_t now_ns)
{
    bool video = map->observed[TRACK_VIDEO].any, audio = map->observed[TRACK_AUDIO].any;

    if (map->mode == TIMESTAMP_MAP_FILE)
        return video && audio;
    return (video || audio) && now_ns - map->first_arrival_ns >= TIMESTAMP_MAP_WINDOW_NS;
}

/* Of a live input: where a track lies by itself, if that is too far from where the other one lies. */
static int64_t offset_of(const struct timestamp_map *map, int64_t transit_ns)
{
    bool apart = llabs(transit_ns - map->offset_ns) > TIMESTAMP_MAP_APART_NS;
    return apart ? transit_ns : map->offset_ns;
}

void timestamp_map_anchor(struct timestamp_map *map, int64_t start_ns)
{
    int64_t best_ns = INT64_MAX;

    for (int i = 0; i < TRACK_COUNT; i++)
        if (map->observed[i].any)
            best_ns = MIN(best_ns, map->best_ns[i]);
    g_assert(best_ns != INT64_MAX);
    map->offset_ns = map->mode == TIMESTAMP_MAP_LIVE ? best_ns : start_ns - best_ns;
    map->anchored = true;
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

/* Where a track begins. */
static void enter(struct timestamp_map *map, enum track which, int64_t timestamp_ns, int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];

    track->offset_ns = map->offset_ns;
    if (map->mode == TIMESTAMP_MAP_LIVE)
        track->offset_ns =
            offset_of(map, map->observed[which].any ? map->best_ns[which] : arrival_ns - timestamp_ns);
}

int64_t timestamp_map_place(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                            int64_t arrival_ns, bool *jumped)
{
    struct timestamp_track *track = &map->tracks[which];
    bool is_live = map->mode == TIMESTAMP_MAP_LIVE;

    g_assert(map->anchored);
    if (is_live)
        timestamp_ns =
            unwrap(&track->wraps, &map->tracks[timestamp_map_other(which)].wraps, timestamp_ns, arrival_ns);
    if (!track->seen)
        enter(map, which, timestamp_ns, arrival_ns);
    bool has_moved = is_live && follow_publisher(map, which, timestamp_ns, arrival_ns);
    track->last_step_ns = track->seen ? timestamp_map_transit(track) - (arrival_ns - timestamp_ns) : 0;
    track->seen = true;
    track->last_timestamp_ns = timestamp_ns;
    track->last_arrival_ns = arrival_ns;
    if (jumped)
        *jumped = has_moved;
    return timestamp_ns + track->offset_ns;
}

int64_t timestamp_map_unwrapped(const struct timestamp_map *map, enum track track, int64_t timestamp_ns)
{
    return timestamp_ns + map->tracks[track].wraps.wrapped_ns;
}
