/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map_rig.h"

#include <glib.h>
#include <stdlib.h>

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

static void test_gap_with_the_clock_going_on_is_kept(void)
{
    struct timestamp_map map;
    int64_t timestamp_ns = 0;

    anchor_live(&map, 0, ARRIVAL);
    feed(&map, &timestamp_ns, S, ARRIVAL);
    timestamp_ns += 20 * S;
    g_assert_cmpuint(feed(&map, &timestamp_ns, S, ARRIVAL), ==, 0);
    g_assert_cmpint(map.offset_ns, ==, ARRIVAL);
}

static void check_step(int64_t step_ns)
{
    struct stream stream;

    stream_init(&stream);
    stream_run(&stream, 3 * S);
    g_assert_cmpint(stream.worst_ns, ==, 0);
    stream.step_ns[0] = stream.step_ns[1] = step_ns;
    stream_run(&stream, 10 * S);
    g_assert_cmpint(stream.worst_ns, <=, 20 * MS);
    g_assert_cmpint(stream.least_ahead_ns, >, 0);
    g_assert_cmpuint(stream.jumps, ==, 1);
    g_assert_cmpint(stream.map.tracks[0].offset_ns, ==, stream.map.tracks[1].offset_ns);
}

static void test_steps_of_both_tracks_are_followed_at_once(void)
{
    for (int64_t step_ns = 100 * MS; step_ns < S; step_ns += 100 * MS) {
        check_step(step_ns);
        check_step(-step_ns);
    }
    check_step(5 * S);
    check_step(-5 * S);
    check_step(4000 * S);
}

/* Sound is to be heard so much later, or earlier: the publisher's word. */
static void test_step_of_one_track_is_kept(void)
{
    static const int64_t steps[] = {-800 * MS, -200 * MS, 200 * MS, 800 * MS};

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        struct stream stream;
        stream_init(&stream);
        stream_run(&stream, 3 * S);
        stream.step_ns[TRACK_AUDIO] = steps[i];
        stream_run(&stream, 20 * S);
        g_assert_cmpint(stream.map.tracks[0].offset_ns, ==, stream.map.tracks[1].offset_ns);
        /* The slew. */
        g_assert_cmpint(llabs(stream.map.offset_ns - ARRIVAL), <=, 10 * MS);
        g_assert_cmpuint(stream.map.reanchors, ==, 0);
    }
}

static void test_new_clock_of_one_track_is_followed(void)
{
    struct stream stream;

    stream_init(&stream);
    stream_run(&stream, 3 * S);
    stream.step_ns[TRACK_AUDIO] = -3000 * S;
    stream_run(&stream, 20 * S);
    g_assert_cmpint(stream.worst_ns, <=, 20 * MS);
    g_assert_cmpint(llabs(stream.map.tracks[TRACK_VIDEO].offset_ns - ARRIVAL), <=, 10 * MS);
    /* The other one's comes much later. */
    stream.step_ns[TRACK_VIDEO] = -3000 * S;
    stream_run(&stream, 20 * S);
    g_assert_cmpint(stream.worst_ns, <=, 20 * MS);
    g_assert_cmpint(stream.map.tracks[0].offset_ns, ==, stream.map.tracks[1].offset_ns);
}

static void test_single_wrong_timestamp_moves_nothing(void)
{
    struct stream stream;

    stream_init(&stream);
    stream_run(&stream, 3 * S);
    stream.step_ns[TRACK_AUDIO] = 900 * MS;
    stream_place(&stream, TRACK_AUDIO, stream.next_ns[TRACK_AUDIO]);
    stream.step_ns[TRACK_AUDIO] = 0;
    stream.next_ns[TRACK_AUDIO] += 21 * MS;
    stream_run(&stream, 10 * S);
    g_assert_cmpint(stream.worst_ns, ==, 0);
    g_assert_cmpint(stream.map.offset_ns, ==, ARRIVAL);
    g_assert_cmpuint(stream.map.reanchors, ==, 0);
}

static void test_hole_in_one_track_moves_nothing(void)
{
    struct stream stream;

    stream_init(&stream);
    stream_run(&stream, 3 * S);
    for (int i = 0; i < 10; i++) {
        stream.next_ns[i % 2] += 700 * MS;
        stream_run(&stream, 2 * S);
        g_assert_cmpint(stream.worst_ns, ==, 0);
    }
    g_assert_cmpuint(stream.jumps, ==, 0);
}

/* ---- few pictures, and clocks that have nothing to do with each other ---- */

static void stream_init_slow(struct stream *stream)
{
    stream_init(stream);
    stream->picture_ns = 400 * MS;
    stream_run(stream, 3 * S);
}

/* It is judged before the next picture comes that shows it to be wrong. */
static void check_wrong_timestamp(int64_t by_ns)
{
    struct stream stream;

    stream_init_slow(&stream);
    stream.step_ns[TRACK_VIDEO] = by_ns;
    stream_place(&stream, TRACK_VIDEO, stream.next_ns[TRACK_VIDEO]);
    stream.step_ns[TRACK_VIDEO] = 0;
    stream.next_ns[TRACK_VIDEO] += 400 * MS;
    stream_run(&stream, 10 * S);
    g_assert_cmpint(stream.worst_ns, ==, 0);
    g_assert_cmpint(stream.map.offset_ns, ==, ARRIVAL);
}

static void test_wrong_timestamp_of_few_pictures_moves_nothing(void)
{
    check_wrong_timestamp(746 * MS);
    check_wrong_timestamp(-746 * MS);
    check_wrong_timestamp(11 * S);
    check_wrong_timestamp(-11 * S);
}

/* The pictures' timestamps still rise, so that only sound shows it. */
static void test_step_back_by_less_than_a_picture_is_followed(void)
{
    for (int64_t step_ns = -380 * MS; step_ns <= -80 * MS; step_ns += 50 * MS) {
        struct stream stream;
        stream_init_slow(&stream);
        stream_run(&stream, 390 * MS);
        stream.step_ns[0] = stream.step_ns[1] = step_ns;
        stream_run(&stream, 5 * S);
        stream_run(&stream, 5 * S);
        g_assert_cmpint(stream.worst_ns, <=, 20 * MS);
        g_assert_cmpint(stream.map.tracks[0].offset_ns, ==, stream.map.tracks[1].offset_ns);
    }
}

static void stream_init_apart(struct stream *stream)
{
    stream_init(stream);
    stream_run(stream, 3 * S);
    stream->step_ns[TRACK_AUDIO] = -3000 * S;
    stream_run(stream, 3 * S);
}

static int64_t relation(const struct stream *stream)
{
    return stream->map.tracks[TRACK_AUDIO].offset_ns - stream->map.tracks[TRACK_VIDEO].offset_ns;
}

static void test_tracks_with_clocks_of_their_own_stay_related(void)
{
    struct stream stream;

    stream_init_apart(&stream);
    int64_t before_ns = relation(&stream);
    stream.step_ns[0] += 500 * S;
    stream.step_ns[1] += 500 * S;
    stream_run(&stream, 10 * S);
    g_assert_cmpint(relation(&stream), ==, before_ns);
    g_assert_cmpint(stream.worst_ns, <=, 20 * MS);
    /* A wrong timestamp does not change it either. */
    stream.step_ns[TRACK_AUDIO] += 700 * MS;
    stream_place(&stream, TRACK_AUDIO, stream.next_ns[TRACK_AUDIO]);
    stream.step_ns[TRACK_AUDIO] -= 700 * MS;
    stream.next_ns[TRACK_AUDIO] += 21 * MS;
    stream_run(&stream, 10 * S);
    g_assert_cmpint(relation(&stream), ==, before_ns);
}

/* By a step that takes the one to near where the other one is. */
static void test_tracks_that_are_close_stay_related(void)
{
    struct stream stream;

    stream_init(&stream);
    stream_run(&stream, 3 * S);
    stream.step_ns[TRACK_VIDEO] = 1315 * MS;
    stream_run(&stream, 10 * S);
    int64_t before_ns = relation(&stream);
    stream.step_ns[TRACK_VIDEO] += 369 * MS;
    stream.step_ns[TRACK_AUDIO] += 369 * MS;
    stream_run(&stream, 10 * S);
    g_assert_cmpint(relation(&stream), ==, before_ns);
    g_assert_cmpint(stream.worst_ns, <=, 20 * MS);
}

static void test_tracks_that_step_apart_are_both_followed(void)
{
    struct stream stream;

    stream_init(&stream);
    stream_run(&stream, 3 * S);
    stream.step_ns[TRACK_VIDEO] = -20000 * S;
    stream.step_ns[TRACK_AUDIO] = 80000 * S;
    stream_run(&stream, 10 * S);
    g_assert_cmpint(stream.worst_ns, <=, 20 * MS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timestamp-jumps/forward-jump-continues-at-arrival",
                    test_forward_jump_continues_at_arrival);
    g_test_add_func("/timestamp-jumps/backward-jump-continues-at-arrival",
                    test_backward_jump_continues_at_arrival);
    g_test_add_func("/timestamp-jumps/gap-with-the-clock-going-on-is-kept",
                    test_gap_with_the_clock_going_on_is_kept);
    g_test_add_func("/timestamp-jumps/steps-of-both-tracks-are-followed-at-once",
                    test_steps_of_both_tracks_are_followed_at_once);
    g_test_add_func("/timestamp-jumps/step-of-one-track-is-kept", test_step_of_one_track_is_kept);
    g_test_add_func("/timestamp-jumps/new-clock-of-one-track-is-followed",
                    test_new_clock_of_one_track_is_followed);
    g_test_add_func("/timestamp-jumps/single-wrong-timestamp-moves-nothing",
                    test_single_wrong_timestamp_moves_nothing);
    g_test_add_func("/timestamp-jumps/hole-in-one-track-moves-nothing", test_hole_in_one_track_moves_nothing);
    g_test_add_func("/timestamp-jumps/wrong-timestamp-of-few-pictures-moves-nothing",
                    test_wrong_timestamp_of_few_pictures_moves_nothing);
    g_test_add_func("/timestamp-jumps/step-back-by-less-than-a-picture-is-followed",
                    test_step_back_by_less_than_a_picture_is_followed);
    g_test_add_func("/timestamp-jumps/tracks-with-clocks-of-their-own-stay-related",
                    test_tracks_with_clocks_of_their_own_stay_related);
    g_test_add_func("/timestamp-jumps/tracks-that-are-close-stay-related",
                    test_tracks_that_are_close_stay_related);
    g_test_add_func("/timestamp-jumps/tracks-that-step-apart-are-both-followed",
                    test_tracks_that_step_apart_are_both_followed);
    return g_test_run();
}
