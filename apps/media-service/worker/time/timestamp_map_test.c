/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_rig.h"

#include <glib.h>

static void test_one_offset_for_both_tracks(void)
{
    struct timestamp_map map;

    anchor_live(&map, 5 * S, ARRIVAL);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, 5 * S, ARRIVAL, NULL), ==, ARRIVAL);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, 5 * S + 7 * MS, ARRIVAL + 30 * MS, NULL), ==,
                    ARRIVAL + 7 * MS);
}

static void test_burst_is_anchored_at_its_live_edge(void)
{
    struct timestamp_map map;

    timestamp_map_init(&map, TIMESTAMP_MAP_LIVE, ABSORB);
    /* Two seconds of a cache come within 50 ms, then the stream goes on in real time. */
    for (int i = 0; i < 100; i++)
        timestamp_map_observe(&map, TRACK_VIDEO, i * 20 * MS, ARRIVAL + i * MS / 2);
    g_assert_false(timestamp_map_is_ready(&map, ARRIVAL + 299 * MS));
    for (int i = 0; i < 15; i++)
        timestamp_map_observe(&map, TRACK_AUDIO, 2 * S + i * 20 * MS, ARRIVAL + 50 * MS + i * 20 * MS);
    g_assert_true(timestamp_map_is_ready(&map, ARRIVAL + 300 * MS));
    timestamp_map_anchor(&map, 0);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, 0, ARRIVAL, NULL), >=, ARRIVAL - 2 * S);
    g_assert_cmpint(2 * S + map.offset_ns, <=, ARRIVAL + 50 * MS);
}

static void test_file_begins_at_start_and_waits_for_both(void)
{
    struct timestamp_map map;

    timestamp_map_init(&map, TIMESTAMP_MAP_FILE, 0);
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

static void check_wrap(int64_t wrap_ns)
{
    struct timestamp_map map;
    int64_t before_ns = wrap_ns - 5 * S;
    bool jumped = false;

    anchor_live(&map, before_ns, ARRIVAL);
    /* Twice; the sound wraps a little after the picture. */
    for (int64_t at_ns = 0; at_ns < 2 * wrap_ns; at_ns += at_ns % wrap_ns < 20 * S ? 20 * MS : wrap_ns / 8) {
        int64_t video_ns = (before_ns + at_ns) % wrap_ns;
        int64_t audio_ns = (before_ns + at_ns - 7 * MS) % wrap_ns;
        g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, video_ns, ARRIVAL + at_ns, &jumped), ==,
                        ARRIVAL + at_ns);
        g_assert_cmpint(timestamp_map_unwrapped(&map, TRACK_VIDEO, video_ns + 66 * MS), ==,
                        before_ns + at_ns + 66 * MS);
        g_assert_false(jumped);
        g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, audio_ns, ARRIVAL + at_ns, &jumped), ==,
                        ARRIVAL + at_ns - 7 * MS);
        g_assert_false(jumped);
    }
}

static void test_wrap_is_no_jump(void)
{
    check_wrap(TIMESTAMP_MAP_WRAP_NS);
    check_wrap(TIMESTAMP_MAP_WRAP_90KHZ_NS);
}

/* A router's cache that holds the wrap. */
static void test_wrap_among_the_first_buffers(void)
{
    struct timestamp_map map;
    int64_t before_ns = TIMESTAMP_MAP_WRAP_NS - S;

    timestamp_map_init(&map, TIMESTAMP_MAP_LIVE, ABSORB);
    for (int64_t at_ns = 0; at_ns <= 2 * S; at_ns += 20 * MS)
        timestamp_map_observe(&map, TRACK_VIDEO, (before_ns + at_ns) % TIMESTAMP_MAP_WRAP_NS, ARRIVAL);
    timestamp_map_anchor(&map, 0);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, before_ns, ARRIVAL, NULL), ==, ARRIVAL - 2 * S);
    /* Of the two tracks the one begins after it, the other one before it. */
    timestamp_map_init(&map, TIMESTAMP_MAP_LIVE, ABSORB);
    timestamp_map_observe(&map, TRACK_AUDIO, 5 * MS, ARRIVAL);
    timestamp_map_observe(&map, TRACK_VIDEO, TIMESTAMP_MAP_WRAP_NS - 5 * MS, ARRIVAL);
    timestamp_map_anchor(&map, 0);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, 5 * MS, ARRIVAL, NULL), ==, ARRIVAL);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, TIMESTAMP_MAP_WRAP_NS - 5 * MS, ARRIVAL, NULL), ==,
                    ARRIVAL - 10 * MS);
}

/* A wrong timestamp of a stream that has run for a month, or just after the wrap. */
static void check_no_wrap(int64_t at_ns, int64_t wrong_ns)
{
    struct timestamp_map map;
    int64_t offset_ns = ARRIVAL - at_ns;

    anchor_live(&map, at_ns, ARRIVAL);
    feed(&map, &at_ns, S, offset_ns);
    timestamp_map_place(&map, TRACK_AUDIO, wrong_ns, at_ns + offset_ns, NULL);
    feed(&map, &at_ns, 5 * S, offset_ns);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, at_ns, at_ns + offset_ns, NULL), ==,
                    at_ns + offset_ns);
    g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, at_ns, at_ns + offset_ns, NULL), ==,
                    at_ns + offset_ns);
    g_assert_cmpint(timestamp_map_unwrapped(&map, TRACK_AUDIO, 0), ==, 0);
}

static void test_wrong_timestamp_is_no_wrap(void)
{
    check_no_wrap(30 * 86400 * S, 0);
    check_no_wrap(60 * S, TIMESTAMP_MAP_WRAP_NS - 60 * S);
}

static void test_tracks_that_begin_with_clocks_of_their_own(void)
{
    struct timestamp_map map;

    timestamp_map_init(&map, TIMESTAMP_MAP_LIVE, ABSORB);
    timestamp_map_observe(&map, TRACK_VIDEO, 3000 * S, ARRIVAL);
    timestamp_map_observe(&map, TRACK_AUDIO, 5 * S, ARRIVAL + 10 * MS);
    timestamp_map_anchor(&map, 0);
    for (int64_t at_ns = 0; at_ns < 10 * S; at_ns += 20 * MS) {
        g_assert_cmpint(timestamp_map_place(&map, TRACK_VIDEO, 3000 * S + at_ns, ARRIVAL + at_ns, NULL), ==,
                        ARRIVAL + at_ns);
        g_assert_cmpint(
            timestamp_map_place(&map, TRACK_AUDIO, 5 * S + at_ns, ARRIVAL + at_ns + 10 * MS, NULL), ==,
            ARRIVAL + at_ns + 10 * MS);
    }
}

static void test_sound_that_begins_after_the_wrap_is_heard(void)
{
    struct timestamp_map map;
    bool jumped;

    anchor_live(&map, TIMESTAMP_MAP_WRAP_NS - S, ARRIVAL);
    for (int64_t at_ns = -S; at_ns < 9 * S; at_ns += 20 * MS)
        timestamp_map_place(&map, TRACK_VIDEO, (at_ns + TIMESTAMP_MAP_WRAP_NS) % TIMESTAMP_MAP_WRAP_NS,
                            ARRIVAL + S + at_ns, NULL);
    for (int64_t at_ns = 9 * S; at_ns < 20 * S; at_ns += 20 * MS) {
        g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, at_ns, ARRIVAL + S + at_ns, &jumped), ==,
                        ARRIVAL + S + at_ns);
        g_assert_false(jumped);
    }
    /* And the other way round: sound from just before. */
    anchor_live(&map, 5 * MS, ARRIVAL);
    timestamp_map_place(&map, TRACK_VIDEO, TIMESTAMP_MAP_WRAP_NS - 5 * MS, ARRIVAL, NULL);
    timestamp_map_place(&map, TRACK_VIDEO, 5 * MS, ARRIVAL + 10 * MS, NULL);
    timestamp_map_place(&map, TRACK_AUDIO, TIMESTAMP_MAP_WRAP_NS - 2 * MS, ARRIVAL + 10 * MS, NULL);
    g_assert_cmpint(timestamp_map_unwrapped(&map, TRACK_AUDIO, 0), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timestamp-map/one-offset-for-both-tracks", test_one_offset_for_both_tracks);
    g_test_add_func("/timestamp-map/burst-is-anchored-at-its-live-edge",
                    test_burst_is_anchored_at_its_live_edge);
    g_test_add_func("/timestamp-map/file-begins-at-start-and-waits-for-both",
                    test_file_begins_at_start_and_waits_for_both);
    g_test_add_func("/timestamp-map/wrap-is-no-jump", test_wrap_is_no_jump);
    g_test_add_func("/timestamp-map/sound-that-begins-after-the-wrap-is-heard",
                    test_sound_that_begins_after_the_wrap_is_heard);
    g_test_add_func("/timestamp-map/wrap-among-the-first-buffers", test_wrap_among_the_first_buffers);
    g_test_add_func("/timestamp-map/wrong-timestamp-is-no-wrap", test_wrong_timestamp_is_no_wrap);
    g_test_add_func("/timestamp-map/tracks-that-begin-with-clocks-of-their-own",
                    test_tracks_that_begin_with_clocks_of_their_own);
    return g_test_run();
}
