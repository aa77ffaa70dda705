/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timestamp_map.h"

#include <glib.h>
#include <stdlib.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define ARRIVAL (100 * S)
#define ABSORB (2500 * MS)

static void anchor_live(struct timestamp_map *map, int64_t timestamp_ns, int64_t arrival_ns)
{
    timestamp_map_init(map, TIMESTAMP_MAP_LIVE, ABSORB);
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
    g_assert_cmpint(llabs(map.offset_ns - (ARRIVAL + 5 * S)), <, 5 * MS);
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
        g_assert_cmpint(timestamp_map_unwrapped(&map, TRACK_VIDEO, video_ns + 66 * MS), ==,
                        before_ns + at_ns + 66 * MS);
        g_assert_false(jumped);
        g_assert_cmpint(timestamp_map_place(&map, TRACK_AUDIO, audio_ns, ARRIVAL + at_ns, &jumped), ==,
                        ARRIVAL + at_ns - 7 * MS);
        g_assert_false(jumped);
    }
}

/* ---- the network ---- */

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

/* ---- steps ---- */

/* Both tracks as they come: pictures every 40 ms, sound every 21, the network's jitter of up to 10 ms. */
struct stream {
    struct timestamp_map map;
    int64_t next_ns[TRACK_COUNT];     /* captured */
    int64_t step_ns[TRACK_COUNT];     /* timestamp - captured */
    int64_t last_ns[TRACK_COUNT];     /* position */
    int64_t worst_ns, least_ahead_ns; /* off the arrival; between a track's positions */
    unsigned count, jumps;
};

static void stream_init(struct stream *stream)
{
    *stream = (struct stream){.next_ns = {0, 7 * MS}, .least_ahead_ns = INT64_MAX};
    anchor_live(&stream->map, 0, ARRIVAL);
}

static int64_t stream_place(struct stream *stream, enum track track, int64_t at_ns)
{
    int64_t arrival_ns = ARRIVAL + at_ns + stream->count++ * 7 % 11 * MS;
    bool jumped;
    int64_t position_ns =
        timestamp_map_place(&stream->map, track, at_ns + stream->step_ns[track], arrival_ns, &jumped);

    stream->jumps += jumped;
    return position_ns;
}

static void stream_run(struct stream *stream, int64_t duration_ns)
{
    static const int64_t interval_ns[TRACK_COUNT] = {40 * MS, 21 * MS};

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

/* ---- running ahead ---- */

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
    g_test_add_func("/timestamp-map/congestion-moves-nothing", test_congestion_moves_nothing);
    g_test_add_func("/timestamp-map/long-congestion-ends-at-the-old-delay",
                    test_long_congestion_ends_at_the_old_delay);
    g_test_add_func("/timestamp-map/uplink-that-is-too-slow-is-followed",
                    test_uplink_that_is_too_slow_is_followed);
    g_test_add_func("/timestamp-map/standstill-that-d-absorbs-is-followed-later",
                    test_standstill_that_d_absorbs_is_followed_later);
    g_test_add_func("/timestamp-map/steps-of-both-tracks-are-followed-at-once",
                    test_steps_of_both_tracks_are_followed_at_once);
    g_test_add_func("/timestamp-map/step-of-one-track-is-kept", test_step_of_one_track_is_kept);
    g_test_add_func("/timestamp-map/new-clock-of-one-track-is-followed",
                    test_new_clock_of_one_track_is_followed);
    g_test_add_func("/timestamp-map/single-wrong-timestamp-moves-nothing",
                    test_single_wrong_timestamp_moves_nothing);
    g_test_add_func("/timestamp-map/hole-in-one-track-moves-nothing", test_hole_in_one_track_moves_nothing);
    g_test_add_func("/timestamp-map/bursts-move-nothing", test_bursts_move_nothing);
    g_test_add_func("/timestamp-map/running-ahead-never-piles-up", test_running_ahead_never_piles_up);
    g_test_add_func("/timestamp-map/late-anchor-is-mended", test_late_anchor_is_mended);
    g_test_add_func("/timestamp-map/sound-that-begins-after-the-wrap-is-heard",
                    test_sound_that_begins_after_the_wrap_is_heard);
    return g_test_run();
}
