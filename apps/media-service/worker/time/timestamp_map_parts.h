/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the map is made of: each part sees every buffer of a live input, before its position is given, and
 * moves the offset when its rule says so. Times as in timestamp_map.h; timestamps are unwrapped. */
#pragma once

#include "timestamp_map.h"

enum track timestamp_map_other(enum track track);
/* From its timestamp to its arrival, of the buffer that came last. */
int64_t timestamp_map_transit(const struct timestamp_track *track);
/* Moves the offset of both tracks. */
void timestamp_map_shift(struct timestamp_map *map, int64_t by_ns);

/* timestamp_jumps.c: timestamps that step as no network makes arrivals step. Of a track that has been seen.
 * True when the offset was chosen anew. */
bool timestamp_map_follow_jump(struct timestamp_map *map, enum track which, int64_t timestamp_ns,
                               int64_t arrival_ns);
/* timestamp_lateness.c: a stream that is late, or early, for good. True when the offset was chosen anew. */
bool timestamp_map_follow_lateness(struct timestamp_map *map, enum track which, int64_t lateness_ns,
                                   int64_t arrival_ns);
/* timestamp_drift.c: the slew after the publisher's clock. */
void timestamp_map_follow_drift(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns);
