/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map.h"

#include <glib.h>
#include <stdlib.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define ARRIVAL (100 * S)

static void anchor_live(struct timestamp_map *map, int64_t timestamp_ns, int64_t arrival_ns)
{
    timestamp_map_init(map, TIMESTAMP_MAP_LIVE);
    timestamp_map_observe(map, TRACK_VIDEO, timestamp_ns, arrival_ns);
    timestamp_map_anchor(map, 0);
}

/* Feeds both tracks every 20 ms from *timestamp to its end, arriving `lateness` after their position. */
static unsigned feed(struct timestamp_map *map, int64_t *timestamp_ns, int64_t duration_ns, int64_t offset_ns)
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

static void test_one_offset_for_both_tracks(void)
{
    struct timestamp_map map;

    anchor_live(&map, 5 * S, ARRIVAL);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, 5 * S, ARRIVAL, NULL), ==, ARRIVAL);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, 5 * S + 7 * MS, ARRIVAL + 30 * MS, NULL), ==,
                    ARRIVAL + 7 * MS);
    g_assert_cmpint(timestamp_map_position(&map, TRACK_VIDEO, 5 * S + 66 * MS), ==, ARRIVAL + 66 * MS);
}

static void test_burst_is_anchored_at_its_live_edge(void)
{
    struct timestamp_map map;

    timestamp_map_init(&map, TIMESTAMP_MAP_LIVE);
    /* Two seconds of a cache come within 50 ms, then the stream goes on in real time. */
    for (int i = 0; i < 100; i++)
        timestamp_map_observe(&map, TRACK_VIDEO, i * 20 * MS, ARRIVAL + i * MS / 2);
    g_assert_false(timestamp_map_is_ready(&map, ARRIVAL + 299 * MS));
    for (int i = 0; i < 15; i++)
        timestamp_map_observe(&map, TRACK_AUDIO, 2 * S + i * 20 * MS, ARRIVAL + 50 * MS + i * 20 * MS);
    g_assert_true(timestamp_map_is_ready(&map, ARRIVAL + 300 * MS));
    timestamp_map_anchor(&map, 0);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, 0, ARRIVAL, NULL), >=, ARRIVAL - 2 * S);
    g_assert_cmpint(timestamp_map_position(&map, TRACK_VIDEO, 2 * S), <=, ARRIVAL + 50 * MS);
}

static void test_file_begins_at_start_and_waits_for_both(void)
{
    struct timestamp_map map;

    timestamp_map_init(&map, TIMESTAMP_MAP_FILE);
    timestamp_map_observe(&map, TRACK_AUDIO, 0, 0);
    g_assert_false(timestamp_map_is_ready(&map, ARRIVAL));
    timestamp_map_observe(&map, TRACK_VIDEO, -66 * MS, 0);
    g_assert_true(timestamp_map_is_ready(&map, 0));
    timestamp_map_anchor(&map, 10 * S);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, -66 * MS, 0, NULL), ==, 10 * S);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, 0, 0, NULL), ==, 10 * S + 66 * MS);
    /* A gap in a file is what the file says, however fast it is read. */
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, 60 * S, 0, NULL), ==, 70 * S + 66 * MS);
}

static void test_network_stall_moves_nothing(void)
{
    struct timestamp_map map;
    int64_t timestamp_ns = 0;
    bool jumped;

    anchor_live(&map, 0, ARRIVAL);
    feed(&map, &timestamp_ns, S, ARRIVAL);
    /* Four seconds are held up and come at once. */
    for (int i = 0; i < 200; i++, timestamp_ns += 20 * MS) {
        int64_t position_ns = timestamp_map_place(&map, TRACK_VIDEO, timestamp_ns, ARRIVAL + 5 * S, &jumped);
        g_assert_false(jumped);
        g_assert_cmpint(llabs(position_ns - (ARRIVAL + timestamp_ns)), <, 3 * MS);
    }
    g_assert_cmpuint(feed(&map, &timestamp_ns, 2 * S, ARRIVAL), ==, 0);
}

static void test_forward_jump_continues_at_arrival(void)
{
    struct timestamp_map map;
    int64_t timestamp_ns = 0;
    bool jumped;

    anchor_live(&map, 0, ARRIVAL);
    feed(&map, &timestamp_ns, S, ARRIVAL);
    int64_t position_ns = timestamp_map_place(&map, TRACK_VIDEO, 1000 * S, ARRIVAL + S, &jumped);
    g_assert_true(jumped);
    g_assert_cmpint(position_ns, ==, ARRIVAL + S);
    /* The other track's last buffer of before still lies where it belongs, then it follows with the same
     * offset. */
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, S, ARRIVAL + S, &jumped), ==, ARRIVAL + S);
    g_assert_false(jumped);
    g_assert_cmpint(
        timestamp_map_place(&map, TRACK_AUDIO, 1000 * S + 10 * MS, ARRIVAL + S + 30 * MS, &jumped), ==,
        ARRIVAL + S + 10 * MS);
    g_assert_false(jumped);
    g_assert_cmpuint(map.reanchors, ==, 1);
}

static void test_backward_jump_continues_at_arrival(void)
{
    struct timestamp_map map;
    int64_t timestamp_ns = 4000 * S;
    bool jumped;

    anchor_live(&map, timestamp_ns, ARRIVAL + timestamp_ns);
    feed(&map, &timestamp_ns, S, ARRIVAL);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, 0, ARRIVAL + timestamp_ns, &jumped), ==,
                    ARRIVAL + timestamp_ns);
    g_assert_true(jumped);
    timestamp_map_place(&map, TRACK_VIDEO, 0, ARRIVAL + timestamp_ns, &jumped);
    g_assert_false(jumped);
    g_assert_cmpint(map.tracks[TRACK_VIDEO].offset_ns, ==, map.tracks[TRACK_AUDIO].offset_ns);
}

static void test_publisher_that_paused_is_followed_after_a_while(void)
{
    struct timestamp_map map;
    int64_t timestamp_ns = 0;

    anchor_live(&map, 0, ARRIVAL);
    feed(&map, &timestamp_ns, S, ARRIVAL);
    /* Its timestamps stood still for five seconds. */
    g_assert_cmpuint(feed(&map, &timestamp_ns, 2 * S, ARRIVAL + 5 * S), ==, 0);
    g_assert_cmpuint(feed(&map, &timestamp_ns, 2 * S, ARRIVAL + 5 * S), ==, 1);
    g_assert_cmpint(llabs(timestamp_map_position(&map, TRACK_VIDEO, 0) - (ARRIVAL + 5 * S)), <, 5 * MS);
}

static void test_gap_with_the_clock_going_on_is_kept(void)
{
    struct timestamp_map map;
    int64_t timestamp_ns = 0;

    anchor_live(&map, 0, ARRIVAL);
    feed(&map, &timestamp_ns, S, ARRIVAL);
    timestamp_ns += 20 * S;
    g_assert_cmpuint(feed(&map, &timestamp_ns, S, ARRIVAL), ==, 0);
    g_assert_cmpint(timestamp_map_position(&map, TRACK_VIDEO, 0), ==, ARRIVAL);
}

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

static void test_wrap_is_no_jump(void)
{
    struct timestamp_map map;
    int64_t before_ns = TIMESTAMP_MAP_WRAP_NS - 5 * S;
    bool jumped = false;

    anchor_live(&map, before_ns, ARRIVAL);
    /* Twice, for a stream of a hundred days; the sound wraps a little after the picture. */
    for (int64_t at_ns = 0; at_ns < 2 * TIMESTAMP_MAP_WRAP_NS;
         at_ns += at_ns % TIMESTAMP_MAP_WRAP_NS < 20 * S ? 20 * MS : TIMESTAMP_MAP_WRAP_NS / 8) {
        int64_t video_ns = (before_ns + at_ns) % TIMESTAMP_MAP_WRAP_NS;
        int64_t audio_ns = (before_ns + at_ns - 7 * MS) % TIMESTAMP_MAP_WRAP_NS;
        g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, video_ns, ARRIVAL + at_ns, &jumped), ==,
                        ARRIVAL + at_ns);
        g_assert_cmpint(timestamp_map_position(&map, TRACK_VIDEO, video_ns + 66 * MS), ==,
                        ARRIVAL + at_ns + 66 * MS);
        g_assert_false(jumped);
        g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, audio_ns, ARRIVAL + at_ns, &jumped), ==,
                        ARRIVAL + at_ns - 7 * MS);
        g_assert_false(jumped);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timestamp-map/one-offset-for-both-tracks", test_one_offset_for_both_tracks);
    g_test_add_func("/timestamp-map/burst-is-anchored-at-its-live-edge",
                    test_burst_is_anchored_at_its_live_edge);
    g_test_add_func("/timestamp-map/file-begins-at-start-and-waits-for-both",
                    test_file_begins_at_start_and_waits_for_both);
    g_test_add_func("/timestamp-map/network-stall-moves-nothing", test_network_stall_moves_nothing);
    g_test_add_func("/timestamp-map/forward-jump-continues-at-arrival",
                    test_forward_jump_continues_at_arrival);
    g_test_add_func("/timestamp-map/backward-jump-continues-at-arrival",
                    test_backward_jump_continues_at_arrival);
    g_test_add_func("/timestamp-map/publisher-that-paused-is-followed-after-a-while",
                    test_publisher_that_paused_is_followed_after_a_while);
    g_test_add_func("/timestamp-map/gap-with-the-clock-going-on-is-kept",
                    test_gap_with_the_clock_going_on_is_kept);
    g_test_add_func("/timestamp-map/drift-is-slewed", test_drift_is_slewed);
    g_test_add_func("/timestamp-map/wrap-is-no-jump", test_wrap_is_no_jump);
    g_test_add_func("/timestamp-map/jitter-moves-nothing", test_jitter_moves_nothing);
    return g_test_run();
}
