/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_parts.h"

#include <stdlib.h>

/* So many buffers of the other track show that it did not step: the first may be from before. */
#define OLD_BUFFERS 3

/* Whether timestamps stepped as no network makes arrivals step: back, or to before their time. */
static bool has_stepped(const struct timestamp_track *track, int64_t timestamp_ns, int64_t arrival_ns)
{
    int64_t step_ns = timestamp_ns - track->last_timestamp_ns - (arrival_ns - track->last_arrival_ns);
    int64_t lateness_ns = arrival_ns - (timestamp_ns + track->offset_ns);

    if (timestamp_ns < track->last_timestamp_ns)
        return step_ns < -TIMESTAMP_MAP_STEP_NS;
    return step_ns > TIMESTAMP_MAP_STEP_NS && lateness_ns < -TIMESTAMP_MAP_STEP_NS;
}

/* The timeline goes on by as much as passed since the last buffer, so that this one is as late as that. */
static void follow_step(struct timestamp_map *map, enum track which, int64_t transit_ns, int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];

    map->doubt = (struct timestamp_doubt){
        .open = map->tracks[timestamp_map_other(which)].seen,
        .first = which,
        .since_ns = arrival_ns,
        .by_ns = timestamp_map_transit(track) - transit_ns,
        .transit_ns = {timestamp_map_transit(&map->tracks[TRACK_VIDEO]),
                       timestamp_map_transit(&map->tracks[TRACK_AUDIO])},
    };
    track->offset_ns -= map->doubt.by_ns;
    map->offset_ns = track->offset_ns;
    map->period_start_ns = 0;
    map->reanchors++;
}

/* A step of one track alone. */
static void take_back(struct timestamp_map *map)
{
    map->offset_ns = map->tracks[timestamp_map_other(map->doubt.first)].offset_ns;
    map->tracks[map->doubt.first].offset_ns = map->offset_ns;
    map->doubt.open = false;
    map->reanchors--;
}

/* Each track says by its own step, since before the first one's, whether it jumped. */
static void consider(struct timestamp_map *map, enum track which, int64_t transit_ns, int64_t arrival_ns)
{
    struct timestamp_doubt *doubt = &map->doubt;
    struct timestamp_track *track = &map->tracks[which];
    int64_t step_ns = doubt->transit_ns[which] - transit_ns;
    bool jumped = llabs(step_ns - doubt->by_ns) < llabs(step_ns);

    if (which == doubt->first) {
        if (!jumped)
            take_back(map);
        return;
    }
    if (jumped) {
        track->offset_ns = map->offset_ns;
        doubt->open = false;
        return;
    }
    doubt->n_old++;
    if (doubt->n_old < OLD_BUFFERS || arrival_ns - doubt->since_ns < TIMESTAMP_MAP_DOUBT_NS)
        return;
    doubt->open = false;
    if (llabs(doubt->by_ns) < TIMESTAMP_MAP_ALONE_NS)
        take_back(map);
}

/* A track that steps long after the other follows it when that gives a sane position, so that both have one
 * offset again. */
static bool rejoins(const struct timestamp_map *map, const struct timestamp_track *track, int64_t transit_ns)
{
    return track->offset_ns != map->offset_ns && llabs(transit_ns - map->offset_ns) <= TIMESTAMP_MAP_LATE_NS;
}

bool timestamp_map_follow_jump(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                               int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    int64_t transit_ns = arrival_ns - timestamp_ns;

    if (map->doubt.open) {
        consider(map, which, transit_ns, arrival_ns);
        if (!map->doubt.open || map->doubt.first != which)
            return false;
    }
    if (!has_stepped(track, timestamp_ns, arrival_ns))
        return false;
    if (rejoins(map, track, transit_ns)) {
        track->offset_ns = map->offset_ns;
        return false;
    }
    follow_step(map, which, transit_ns, arrival_ns);
    return true;
}
