/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map.h"

#include <glib.h>
#include <stdlib.h>

/* Lateness differences below this are jitter, not the publisher's clock. */
#define DRIFT_DEADBAND_NS (INT64_C(2) * 1000 * 1000)
#define SECOND_NS (INT64_C(1000) * 1000 * 1000)

void timestamp_map_init(struct timestamp_map *map, enum timestamp_map_mode mode)
{
    *map = (struct timestamp_map){.mode = mode};
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

static void start_periods(struct timestamp_map *map)
{
    map->period_start_ns = 0;
    map->late_since_ns = 0;
    map->slew_target_ns = 0;
}

/* The buffer's position becomes its arrival. */
static void reanchor(struct timestamp_map *map, struct timestamp_track *track, int64_t timestamp_ns,
                     int64_t arrival_ns)
{
    map->offset_ns = arrival_ns - timestamp_ns;
    track->offset_ns = map->offset_ns;
    map->reanchors++;
    start_periods(map);
}

/* Whether the timestamps stepped by much more or less than the arrivals did, and not merely because the
 * network held data back: then timestamps go on and arrivals alone step. */
static bool has_jumped(const struct timestamp_track *track, int64_t timestamp_ns, int64_t arrival_ns)
{
    int64_t step_ns = timestamp_ns - track->last_timestamp_ns;
    int64_t arrival_step_ns = arrival_ns - track->last_arrival_ns;

    if (step_ns < -TIMESTAMP_MAP_JUMP_NS)
        return true;
    return step_ns > TIMESTAMP_MAP_JUMP_NS && step_ns - arrival_step_ns > TIMESTAMP_MAP_JUMP_NS;
}

/* A track that jumps after the other follows it when that gives a sane position, so that both keep one
 * offset. */
static bool follow_jump(struct timestamp_map *map, struct timestamp_track *track, int64_t timestamp_ns,
                        int64_t arrival_ns)
{
    int64_t lateness_ns = arrival_ns - (timestamp_ns + map->offset_ns);

    if (track->offset_ns == map->offset_ns || llabs(lateness_ns) > TIMESTAMP_MAP_JUMP_NS)
        return false;
    track->offset_ns = map->offset_ns;
    return true;
}

/* A publisher that stood still without its timestamps going on stays late for good: then time has to jump
 * after it. One that the network held up catches up by itself. */
static bool is_late_for_good(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    if (lateness_ns <= TIMESTAMP_MAP_JUMP_NS) {
        map->late_since_ns = 0;
        return false;
    }
    if (map->late_since_ns == 0) {
        map->late_since_ns = arrival_ns;
        map->late_least_ns = lateness_ns;
    }
    map->late_least_ns = MIN(map->late_least_ns, lateness_ns);
    return arrival_ns - map->late_since_ns >= TIMESTAMP_MAP_LATE_PERIOD_NS;
}

/* The least lateness of each period shows the publisher's clock; what it is off zero is slewed away. */
static void watch_drift(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    if (map->period_start_ns == 0) {
        map->period_start_ns = arrival_ns;
        map->period_least_ns = lateness_ns;
        map->slewed_at_ns = arrival_ns;
        return;
    }
    map->period_least_ns = MIN(map->period_least_ns, lateness_ns);
    if (arrival_ns - map->period_start_ns < TIMESTAMP_MAP_DRIFT_PERIOD_NS)
        return;
    map->slew_target_ns = llabs(map->period_least_ns) > DRIFT_DEADBAND_NS ? map->period_least_ns : 0;
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
    map->offset_ns += step_ns;
    for (int i = 0; i < TRACK_COUNT; i++)
        map->tracks[i].offset_ns += step_ns;
}

/* RTMP counts milliseconds in 32 bits: after 49.7 days they begin again, which is no jump. */
static int64_t unwrap(struct timestamp_track *track, int64_t timestamp_ns)
{
    if (track->seen &&
        timestamp_ns + track->wrapped_ns - track->last_timestamp_ns < -TIMESTAMP_MAP_WRAP_NS / 2)
        track->wrapped_ns += TIMESTAMP_MAP_WRAP_NS;
    return timestamp_ns + track->wrapped_ns;
}

/* Returns true when the offset had to be chosen anew. */
static bool follow_publisher(struct timestamp_map *map, struct timestamp_track *track, int64_t timestamp_ns,
                             int64_t arrival_ns)
{
    if (has_jumped(track, timestamp_ns, arrival_ns)) {
        if (follow_jump(map, track, timestamp_ns, arrival_ns))
            return false;
        reanchor(map, track, timestamp_ns, arrival_ns);
        return true;
    }

    int64_t lateness_ns = arrival_ns - (timestamp_ns + track->offset_ns);
    if (is_late_for_good(map, lateness_ns, arrival_ns)) {
        int64_t by_ns = map->late_least_ns;
        map->offset_ns += by_ns;
        for (int i = 0; i < TRACK_COUNT; i++)
            map->tracks[i].offset_ns += by_ns;
        map->reanchors++;
        start_periods(map);
        return true;
    }
    watch_drift(map, lateness_ns, arrival_ns);
    slew(map, arrival_ns);
    return false;
}

int64_t timestamp_map_place(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                            int64_t arrival_ns, bool *jumped)
{
    struct timestamp_track *track = &map->tracks[which];
    bool has_moved = false;

    g_assert(map->anchored);
    if (map->mode == TIMESTAMP_MAP_LIVE)
        timestamp_ns = unwrap(track, timestamp_ns);
    if (!track->seen)
        track->offset_ns = map->offset_ns;
    else if (map->mode == TIMESTAMP_MAP_LIVE)
        has_moved = follow_publisher(map, track, timestamp_ns, arrival_ns);
    track->seen = true;
    track->last_timestamp_ns = timestamp_ns;
    track->last_arrival_ns = arrival_ns;
    if (jumped)
        *jumped = has_moved;
    return timestamp_ns + track->offset_ns;
}

int64_t timestamp_map_position(const struct timestamp_map *map, enum track track, int64_t timestamp_ns)
{
    return timestamp_ns + map->tracks[track].wrapped_ns + map->tracks[track].offset_ns;
}
