/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_parts.h"

#include <glib.h>
#include <stdlib.h>

#define MS_NS (INT64_C(1000) * 1000)
#define SECOND_NS (1000 * MS_NS)
/* Lateness differences below this are jitter, not the publisher's clock. */
#define DRIFT_DEADBAND_NS (2 * MS_NS)
/* Lateness that changes by more from one period to the next is the network's doing, not a clock's. */
#define STEADY_NS (20 * MS_NS)

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
    timestamp_map_shift(map, step_ns);
}

void timestamp_map_follow_drift(struct timestamp_map *map, int64_t lateness_ns, int64_t arrival_ns)
{
    watch_drift(map, lateness_ns, arrival_ns);
    slew(map, arrival_ns);
}
