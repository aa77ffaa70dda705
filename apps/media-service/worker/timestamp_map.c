/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map.h"

#include <glib.h>
#include <stdlib.h>

#define MS_NS (INT64_C(1000) * 1000)
#define SECOND_NS (1000 * MS_NS)
/* Lateness differences below this are jitter, not the publisher's clock. */
#define DRIFT_DEADBAND_NS (2 * MS_NS)
/* Lateness that changes by more from one period to the next is the network's doing, not a clock's. */
#define STEADY_NS (20 * MS_NS)
/* What catches up at all falls by this within seconds. */
#define FALL_NS (20 * MS_NS)
/* So many buffers of the other track show that it did not step: the first may be from before. */
#define OLD_BUFFERS 3

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

static enum track other_of(enum track track)
{
    return track == TRACK_VIDEO ? TRACK_AUDIO : TRACK_VIDEO;
}

static void shift(struct timestamp_map *map, int64_t by_ns)
{
    map->offset_ns += by_ns;
    for (int i = 0; i < TRACK_COUNT; i++)
        map->tracks[i].offset_ns += by_ns;
}

/* ---- jumps ---- */

/* Whether timestamps stepped as no network makes arrivals step: back, or to before their time. */
static bool has_stepped(const struct timestamp_track *track, int64_t timestamp_ns, int64_t arrival_ns)
{
    int64_t step_ns = timestamp_ns - track->last_timestamp_ns - (arrival_ns - track->last_arrival_ns);
    int64_t lateness_ns = arrival_ns - (timestamp_ns + track->offset_ns);

    if (timestamp_ns < track->last_timestamp_ns)
        return step_ns < -TIMESTAMP_MAP_STEP_NS;
    return step_ns > TIMESTAMP_MAP_STEP_NS && lateness_ns < -TIMESTAMP_MAP_STEP_NS;
}

static int64_t transit(const struct timestamp_track *track)
{
    return track->last_arrival_ns - track->last_timestamp_ns;
}

/* The timeline goes on by as much as passed since the last buffer, so that this one is as late as that. */
static void follow_step(struct timestamp_map *map, enum track which, int64_t transit_ns, int64_t arrival_ns)
{
    struct timestamp_track *track = &map->tracks[which];

    map->doubt = (struct timestamp_doubt){
        .open = map->tracks[other_of(which)].seen,
        .first = which,
        .since_ns = arrival_ns,
        .by_ns = transit(track) - transit_ns,
        .transit_ns = {transit(&map->tracks[TRACK_VIDEO]), transit(&map->tracks[TRACK_AUDIO])},
    };
    track->offset_ns -= map->doubt.by_ns;
    map->offset_ns = track->offset_ns;
    map->period_start_ns = 0;
    map->reanchors++;
}

/* A step of one track alone. */
static void take_back(struct timestamp_map *map)
{
    map->offset_ns = map->tracks[other_of(map->doubt.first)].offset_ns;
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

/* Returns true when the offset was chosen anew. */
static bool follow_jump(struct timestamp_map *map, enum track which, int64_t timestamp_ns, int64_t arrival_ns)
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

/* ---- late or early for good ---- */

static void begin_lateness(struct timestamp_late *late, int64_t lateness_ns, int64_t arrival_ns)
{
    *late = (struct timestamp_late){
        .open = true,
        .window_start_ns = arrival_ns,
        .window_least_ns = lateness_ns,
        .lowest_ns = lateness_ns,
        .fell_at_ns = arrival_ns,
        .too_late_since_ns = arrival_ns,
    };
}

/* By how much the timeline has to follow a stream that is late and stays so; 0: not at all, or not yet. One
 * that the network held up comes faster than its time until it is no longer late, however slowly. */
static int64_t late_for_good(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    struct timestamp_late *late = &map->late;

    if (lateness_ns <= TIMESTAMP_MAP_LATE_NS) {
        late->open = false;
        return 0;
    }
    if (!late->open)
        begin_lateness(late, lateness_ns, arrival_ns);
    late->window_least_ns = MIN(late->window_least_ns, lateness_ns);
    if (arrival_ns - late->window_start_ns < SECOND_NS)
        return 0;

    int64_t least_ns = late->window_least_ns;
    late->window_start_ns = arrival_ns;
    late->window_least_ns = lateness_ns;
    if (least_ns < late->lowest_ns - FALL_NS) {
        late->lowest_ns = least_ns;
        late->fell_at_ns = arrival_ns;
    }
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

static void begin_anew(struct timestamp_map *map)
{
    map->late.open = false;
    for (int i = 0; i < TRACK_COUNT; i++)
        map->tracks[i].early.open = false;
    map->doubt.open = false;
    map->period_start_ns = 0;
    map->last_least_ns = 0;
    map->reanchors++;
}

static bool follow_late(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    int64_t by_ns = late_for_good(map, lateness_ns, arrival_ns);

    if (by_ns == 0)
        return false;
    shift(map, by_ns);
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
    const struct timestamp_track *other = &map->tracks[other_of(which)];

    bool alone = other->seen && transit(other) - other->offset_ns >= lateness_ns / 2;
    if (!is_early_for_good(&track->early, lateness_ns, arrival_ns,
                           alone ? TIMESTAMP_MAP_ALONE_NS : TIMESTAMP_MAP_EARLY_NS))
        return false;
    if (alone)
        track->offset_ns += lateness_ns;
    else
        shift(map, lateness_ns);
    begin_anew(map);
    return true;
}

/* ---- drift ---- */

/* The least lateness of each period shows the publisher's clock; what it is off zero is slewed away. */
static void watch_drift(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    if (map->period_start_ns == 0) {
        map->period_start_ns = arrival_ns;
        map->period_least_ns = lateness_ns;
        map->slew_target_ns = 0;
        map->slewed_at_ns = arrival_ns;
        return;
    }
    map->period_least_ns = MIN(map->period_least_ns, lateness_ns);
    if (arrival_ns - map->period_start_ns < TIMESTAMP_MAP_DRIFT_PERIOD_NS)
        return;
    bool steady = llabs(map->period_least_ns - map->last_least_ns) <= STEADY_NS;
    map->slew_target_ns =
        steady && llabs(map->period_least_ns) > DRIFT_DEADBAND_NS ? map->period_least_ns : 0;
    map->last_least_ns = map->period_least_ns;
    map->period_start_ns = arrival_ns;
    map->period_least_ns = lateness_ns;
}

static void slew(struct timestamp_map *map, int64_t arrival_ns)
{
    int64_t elapsed_ns = CLAMP(arrival_ns - map->slewed_at_ns, 0, SECOND_NS);
    int64_t most_ns = elapsed_ns * TIMESTAMP_MAP_SLEW_NS_PER_S / SECOND_NS;
    int64_t step_ns = CLAMP(map->slew_target_ns, -most_ns, most_ns);

    map->slewed_at_ns = arrival_ns;
    map->slew_target_ns -= step_ns;
    shift(map, step_ns);
}

/* ---- */

/* RTMP counts milliseconds in 32 bits: after 49.7 days they begin again, which is no jump. A track that
 * appears only after that has to be where the other is. */
static int64_t unwrap(struct timestamp_map *map, enum track which, int64_t timestamp_ns)
{
    struct timestamp_track *track = &map->tracks[which];
    const struct timestamp_track *other = &map->tracks[other_of(which)];

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
    bool moved = track->seen && follow_jump(map, which, timestamp_ns, arrival_ns);
    int64_t lateness_ns = arrival_ns - (timestamp_ns + track->offset_ns);

    if (follow_early(map, which, lateness_ns, arrival_ns) || follow_late(map, lateness_ns, arrival_ns))
        return true;
    if (!track->seen)
        return false;
    watch_drift(map, lateness_ns, arrival_ns);
    slew(map, arrival_ns);
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
