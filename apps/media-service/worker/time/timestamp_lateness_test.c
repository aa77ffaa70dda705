/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_rig.h"

#include <glib.h>
#include <stdlib.h>

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

struct network {
    int64_t stall_at_ns, stall_ns; /* nothing comes from then for so long */
    double rate;                   /* at which the backlog then comes, in times of real time */
};

/* When what is captured at t arrives. */
static int64_t arrival_of(const struct network *network, int64_t t)
{
    if (t < network->stall_at_ns)
        return t;
    return MAX(t, network->stall_at_ns + network->stall_ns +
                      (int64_t)((double)(t - network->stall_at_ns) / network->rate));
}

/* Whatever the network does, the timeline stays where it is. */
static void check_stall(int64_t stall_ns, double rate)
{
    struct network network = {5 * S, stall_ns, rate};
    struct timestamp_map map;
    bool jumped;

    anchor_live(&map, 0, ARRIVAL);
    for (int64_t t = 0; t < 120 * S; t += 20 * MS)
        for (int track = 0; track < TRACK_COUNT; track++) {
            int64_t position_ns =
                timestamp_map_place(&map, track, t, ARRIVAL + arrival_of(&network, t), &jumped);
            g_assert_false(jumped);
            g_assert_cmpint(llabs(position_ns - (ARRIVAL + t)), <=, 6 * MS);
        }
}

static void test_congestion_moves_nothing(void)
{
    static const double rates[] = {1.05, 1.1, 1.2, 1.5, 2, 10};

    for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
        check_stall(900 * MS, rates[i]);
        check_stall(1500 * MS, rates[i]);
        check_stall(2900 * MS, rates[i]);
    }
    check_stall(6 * S, 2);
}

/* D cannot absorb it for too long: the rest is made up for, and given back when the network has caught up. */
static void test_long_congestion_ends_at_the_old_delay(void)
{
    struct network network = {5 * S, 6 * S, 1.05};
    struct timestamp_map map;
    int64_t worst_ns = 0;

    anchor_live(&map, 0, ARRIVAL);
    for (int64_t t = 0; t < 300 * S; t += 20 * MS) {
        int64_t arrival_ns = ARRIVAL + arrival_of(&network, t);
        int64_t position_ns = timestamp_map_place(&map, TRACK_AUDIO, t, arrival_ns, NULL);
        if (t > 25 * S)
            worst_ns = MAX(worst_ns, arrival_ns - position_ns);
    }
    g_assert_cmpint(worst_ns, <=, ABSORB + 50 * MS);
    g_assert_cmpint(llabs(map.offset_ns - ARRIVAL), <=, TIMESTAMP_MAP_EARLY_NS);
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
    g_assert_cmpint(llabs(map.offset_ns - (ARRIVAL + 5 * S)), <, 5 * MS);
}

static void test_standstill_that_d_absorbs_is_followed_later(void)
{
    struct timestamp_map map;
    int64_t timestamp_ns = 0;

    anchor_live(&map, 0, ARRIVAL);
    feed(&map, &timestamp_ns, S, ARRIVAL);
    g_assert_cmpuint(feed(&map, &timestamp_ns, 9 * S, ARRIVAL + 1500 * MS), ==, 0);
    g_assert_cmpuint(feed(&map, &timestamp_ns, 3 * S, ARRIVAL + 1500 * MS), ==, 1);
    g_assert_cmpint(llabs(map.offset_ns - (ARRIVAL + 1500 * MS)), <, 5 * MS);
}

/* A publisher that is 3 % too slow for its own stream: never later than D can absorb for long. */
static void test_uplink_that_is_too_slow_is_followed(void)
{
    struct timestamp_map map;
    int64_t too_late_ns = 0;

    anchor_live(&map, 0, ARRIVAL);
    for (int64_t t = 0; t < 600 * S; t += 20 * MS) {
        int64_t arrival_ns = ARRIVAL + t + t * 3 / 100;
        if (arrival_ns - timestamp_map_place(&map, TRACK_VIDEO, t, arrival_ns, NULL) > ABSORB)
            too_late_ns += 20 * MS;
    }
    g_assert_cmpint(too_late_ns, <, 10 * S);
    g_assert_cmpuint(map.reanchors, >, 5);
}

/* Pictures of a slow slide show come in bursts. */
static void test_bursts_move_nothing(void)
{
    struct timestamp_map map;
    bool jumped;

    anchor_live(&map, 0, ARRIVAL);
    for (int64_t t = 0; t < 60 * S; t += 100 * MS) {
        int64_t arrival_ns = ARRIVAL + (t / S + 1) * S;
        int64_t position_ns = timestamp_map_place(&map, t % (200 * MS) == 0 ? TRACK_VIDEO : TRACK_AUDIO, t,
                                                  arrival_ns, &jumped);
        g_assert_false(jumped);
        g_assert_cmpint(llabs(position_ns - (ARRIVAL + t)), <, 60 * MS);
    }
}

static void check_runaway(double rate, bool video, bool audio)
{
    struct stream stream;

    stream_init(&stream);
    for (int64_t t = 0; t < 300 * S; t += 20 * MS)
        for (int track = 0; track < TRACK_COUNT; track++) {
            bool runs = track == TRACK_VIDEO ? video : audio;
            int64_t timestamp_ns = runs ? (int64_t)((double)t * rate) : t;
            int64_t position_ns = timestamp_map_place(&stream.map, track, timestamp_ns, ARRIVAL + t, NULL);
            g_assert_cmpint(position_ns - (ARRIVAL + t), <=, TIMESTAMP_MAP_AHEAD_MAX_NS);
            g_assert_cmpint(position_ns - (ARRIVAL + t), >=, -S);
        }
    if (video && audio)
        g_assert_cmpint(stream.map.tracks[0].offset_ns, ==, stream.map.tracks[1].offset_ns);
}

static void test_running_ahead_never_piles_up(void)
{
    static const double rates[] = {1.01, 1.1, 2, 5, 1000};

    for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
        check_runaway(rates[i], true, true);
        check_runaway(rates[i], true, false);
        check_runaway(rates[i], false, true);
    }
}

/* Anchored while the network was behind, D is too long at first. */
static void test_late_anchor_is_mended(void)
{
    struct timestamp_map map;

    anchor_live(&map, 0, ARRIVAL + 800 * MS);
    for (int64_t t = 0; t < 30 * S; t += 20 * MS)
        timestamp_map_place(&map, TRACK_VIDEO, t, ARRIVAL + t + MAX(800 * MS - t / 10, 0), NULL);
    g_assert_cmpint(llabs(map.offset_ns - ARRIVAL), <, 10 * MS);
}

/* A clock that goes at half its speed: its track is at least moving. */
static void check_straggler(enum track which)
{
    struct timestamp_map map;

    anchor_live(&map, 0, ARRIVAL);
    for (int64_t t = 0; t < 600 * S; t += 20 * MS)
        for (int track = 0; track < TRACK_COUNT; track++) {
            int64_t timestamp_ns = track == (int)which ? t / 2 : t;
            int64_t late_ns = ARRIVAL + t - timestamp_map_place(&map, track, timestamp_ns, ARRIVAL + t, NULL);
            g_assert_cmpint(late_ns, <=, track == (int)which ? TIMESTAMP_MAP_APART_NS + 5 * S : 10 * MS);
        }
}

static void test_one_track_alone_is_never_lost(void)
{
    check_straggler(TRACK_VIDEO);
    check_straggler(TRACK_AUDIO);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timestamp-lateness/network-stall-moves-nothing", test_network_stall_moves_nothing);
    g_test_add_func("/timestamp-lateness/congestion-moves-nothing", test_congestion_moves_nothing);
    g_test_add_func("/timestamp-lateness/long-congestion-ends-at-the-old-delay",
                    test_long_congestion_ends_at_the_old_delay);
    g_test_add_func("/timestamp-lateness/publisher-that-paused-is-followed-after-a-while",
                    test_publisher_that_paused_is_followed_after_a_while);
    g_test_add_func("/timestamp-lateness/standstill-that-d-absorbs-is-followed-later",
                    test_standstill_that_d_absorbs_is_followed_later);
    g_test_add_func("/timestamp-lateness/uplink-that-is-too-slow-is-followed",
                    test_uplink_that_is_too_slow_is_followed);
    g_test_add_func("/timestamp-lateness/bursts-move-nothing", test_bursts_move_nothing);
    g_test_add_func("/timestamp-lateness/running-ahead-never-piles-up", test_running_ahead_never_piles_up);
    g_test_add_func("/timestamp-lateness/late-anchor-is-mended", test_late_anchor_is_mended);
    g_test_add_func("/timestamp-lateness/one-track-alone-is-never-lost", test_one_track_alone_is_never_lost);
    return g_test_run();
}
