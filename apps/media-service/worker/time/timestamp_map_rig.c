/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_rig.h"

#include <glib.h>
#include <stdlib.h>

void anchor_live(struct timestamp_map *map, int64_t timestamp_ns, int64_t arrival_ns)
{
    timestamp_map_init(map, TIMESTAMP_MAP_LIVE, ABSORB);
    timestamp_map_observe(map, TRACK_VIDEO, timestamp_ns, arrival_ns);
    timestamp_map_anchor(map, 0);
}

unsigned feed(struct timestamp_map *map, int64_t *timestamp_ns, int64_t duration_ns, int64_t offset_ns)
{
    unsigned jumps = 0;
    bool jumped;

    for (int64_t end_ns = *timestamp_ns + duration_ns; *timestamp_ns < end_ns; *timestamp_ns += 20 * MS)
        for (int track = 0; track < TRACK_COUNT; track++) {
            timestamp_map_place(map, track, *timestamp_ns, *timestamp_ns + offset_ns, &jumped);
            jumps += jumped;
        }
    return jumps;
}

void stream_init(struct stream *stream)
{
    *stream = (struct stream){.picture_ns = 40 * MS, .next_ns = {0, 7 * MS}, .least_ahead_ns = INT64_MAX};
    anchor_live(&stream->map, 0, ARRIVAL);
}

int64_t stream_place(struct stream *stream, enum track track, int64_t at_ns)
{
    int64_t arrival_ns = ARRIVAL + at_ns + stream->count++ * 7 % 11 * MS;
    bool jumped;
    int64_t position_ns =
        timestamp_map_place(&stream->map, track, at_ns + stream->step_ns[track], arrival_ns, &jumped);

    stream->jumps += jumped;
    return position_ns;
}

void stream_run(struct stream *stream, int64_t duration_ns)
{
    const int64_t interval_ns[TRACK_COUNT] = {stream->picture_ns, 21 * MS};

    stream->worst_ns = 0;
    for (int64_t end_ns = stream->next_ns[0] + duration_ns; stream->next_ns[0] < end_ns;) {
        enum track track = stream->next_ns[1] < stream->next_ns[0] ? TRACK_AUDIO : TRACK_VIDEO;
        int64_t at_ns = stream->next_ns[track];
        int64_t position_ns = stream_place(stream, track, at_ns);
        stream->worst_ns = MAX(stream->worst_ns, llabs(position_ns - (ARRIVAL + at_ns)));
        if (stream->last_ns[track] != 0)
            stream->least_ahead_ns = MIN(stream->least_ahead_ns, position_ns - stream->last_ns[track]);
        stream->last_ns[track] = position_ns;
        stream->next_ns[track] += interval_ns[track];
    }
}
