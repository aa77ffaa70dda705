/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_rig.h"

#include <glib.h>
#include <stdlib.h>

/* The publisher's clock is 100 ppm slow: after a while the offset follows it, never faster than the slew. */
static void test_drift_is_slewed(void)
{
    struct timestamp_map map;
    int64_t last_offset_ns = ARRIVAL;

    anchor_live(&map, 0, ARRIVAL);
    for (int64_t t = 0; t < 1200 * S; t += 20 * MS) {
        int64_t arrival_ns = ARRIVAL + t + t / 10000;
        timestamp_map_place(&map, (t / MS / 20) % 2, t, arrival_ns, NULL);
        g_assert_cmpint(llabs(map.offset_ns - last_offset_ns), <=, 11 * MS / 1000);
        g_assert_cmpint(llabs(arrival_ns - t - map.offset_ns), <, 8 * MS);
        last_offset_ns = map.offset_ns;
    }
    g_assert_cmpint(map.offset_ns, >, ARRIVAL + 110 * MS);
    g_assert_cmpuint(map.reanchors, ==, 0);
}

static void test_jitter_moves_nothing(void)
{
    struct timestamp_map map;

    anchor_live(&map, 0, ARRIVAL);
    for (int i = 0; i < 5000; i++)
        timestamp_map_place(&map, TRACK_VIDEO, i * 20 * MS, ARRIVAL + i * 20 * MS + (i * 7 % 13) * 5 * MS,
                            NULL);
    g_assert_cmpint(map.offset_ns, ==, ARRIVAL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timestamp-drift/drift-is-slewed", test_drift_is_slewed);
    g_test_add_func("/timestamp-drift/jitter-moves-nothing", test_jitter_moves_nothing);
    return g_test_run();
}
