/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_parts.h"

#include <stdlib.h>

/* So many buffers of the other track show that it did not step: the first may be from before. */
#define OLD_BUFFERS 3

/* Whether timestamps stepped as no network makes arrivals step: back, or to before their time. What lies
 * where it should has come back from a step that was none. */
static bool has_stepped(const struct timestamp_track *track, int64_t timestamp_ns, int64_t arrival_ns)
{
    int64_t step_ns = timestamp_ns - track->last_timestamp_ns - (arrival_ns - track->last_arrival_ns);
    int64_t lateness_ns = arrival_ns - (timestamp_ns + track->offset_ns);

    if (timestamp_ns < track->last_timestamp_ns)
        return step_ns < -TIMESTAMP_MAP_STEP_NS && llabs(lateness_ns) > TIMESTAMP_MAP_STEP_NS;
    return step_ns > TIMESTAMP_MAP_STEP_NS && lateness_ns < -TIMESTAMP_MAP_STEP_NS;
}

/* Whether one step is the same as another rather than none. */
static bool resembles(int64_t step_ns, int64_t by_ns)
{
    return llabs(step_ns - by_ns) < llabs(step_ns);
}

/* The other track's, from before the step. It may have made it just now, unseen: with so few pictures that
 * their timestamps did not fall. */
static int64_t transit_before(const struct timestamp_track *other, int64_t by_ns)
{
    return timestamp_map_transit(other) + (resembles(other->last_step_ns, by_ns) ? other->last_step_ns : 0);
}

static void begin_doubt(struct timestamp_map *map, enum track which, int64_t by_ns, int64_t arrival_ns)
{
    enum track other = timestamp_map_other(which);

    map->doubt = (struct timestamp_doubt){
        .open = map->tracks[other].seen,
        .first = which,
        .since_ns = arrival_ns,
        .by_ns = by_ns,
        .map_by_ns = map->offset_ns - (map->tracks[which].offset_ns - by_ns),
    };
    map->doubt.transit_ns[which] = timestamp_map_transit(&map->tracks[which]);
    map->doubt.transit_ns[other] = transit_before(&map->tracks[other], by_ns);
}

/* The timeline goes on by as much as passed since the last buffer, so that this one is as late as that. */
static void follow_step(struct timestamp_map *map, enum track which, int64_t transit_ns, int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    int64_t by_ns = timestamp_map_transit(track) - transit_ns;

    if (map->doubt.open) { /* it steps on: the other one has to make all of it */
        map->doubt.by_ns += by_ns;
        map->doubt.map_by_ns += by_ns;
    } else {
        begin_doubt(map, which, by_ns, arrival_ns);
    }
    track->offset_ns -= by_ns;
    map->offset_ns = track->offset_ns;
    map->period_start_ns = 0;
    map->reanchors++;
}

/* A step of one track alone. */
static void take_back(struct timestamp_map *map)
{
    map->offset_ns += map->doubt.map_by_ns;
    map->tracks[map->doubt.first].offset_ns += map->doubt.by_ns;
    map->doubt.open = false;
    map->reanchors--;
}

/* Each track says by its own step, since before the first one's, whether it jumped. */
static void consider(struct timestamp_map *map, enum track which, int64_t transit_ns, int64_t arrival_ns)
{
    struct timestamp_doubt *doubt = &map->doubt;
    struct timestamp_track *track = &map->tracks[which];
    int64_t step_ns = doubt->transit_ns[which] - transit_ns;
    bool jumped = resembles(step_ns, doubt->by_ns);

    if (which == doubt->first) {
        if (!jumped)
            take_back(map);
        return;
    }
    if (jumped) {
        track->offset_ns -= doubt->by_ns; /* as before, the two of them */
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

/* A track that steps to where the other one is, long after that one stepped or back again, so that both have
 * one offset again. By a step that leads there, not by one that comes closer. */
static bool rejoin(struct timestamp_map *map, enum track which, int64_t transit_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    const struct timestamp_track *other = &map->tracks[timestamp_map_other(which)];

    int64_t off_ns = llabs(transit_ns - other->offset_ns);

    if (!other->seen || track->offset_ns == other->offset_ns || off_ns > TIMESTAMP_MAP_LATE_NS ||
        off_ns > llabs(timestamp_map_transit(track) - transit_ns) / 4)
        return false;
    track->offset_ns = map->offset_ns = other->offset_ns;
    return true;
}

/* While it is open whether both tracks made one step, the other one makes another: each has a new clock. */
static bool steps_apart(struct timestamp_map *map, enum track which, int64_t transit_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    int64_t step_ns = timestamp_map_transit(track) - transit_ns;

    if (which == map->doubt.first || llabs(step_ns) < TIMESTAMP_MAP_ALONE_NS)
        return false;
    track->offset_ns -= step_ns;
    map->doubt.open = false;
    return true;
}

bool timestamp_map_follow_jump(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                               int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    int64_t transit_ns = arrival_ns - timestamp_ns;

    if (map->doubt.open) {
        consider(map, which, transit_ns, arrival_ns);
        if (!map->doubt.open)
            return false;
    }
    if (!has_stepped(track, timestamp_ns, arrival_ns))
        return false;
    if (map->doubt.open && map->doubt.first != which)
        return steps_apart(map, which, transit_ns);
    if (rejoin(map, which, transit_ns))
        return false;
    follow_step(map, which, transit_ns, arrival_ns);
    return true;
}
