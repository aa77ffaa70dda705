/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flv_times.h"

#include <glib.h>

/* Feeds both tracks for a while, pictures every 40 ms and sound every 21; what comes out has to go on from
 * *out_ms, both by the same offset. */
static void assert_runs(struct flv_times *times, uint32_t from_ms, uint32_t out_ms, int64_t arrival_ms)
{
    uint32_t sound_ms = 7;
    for (uint32_t at_ms = 0; at_ms < 3000; at_ms += 40) {
        g_assert_cmpuint(flv_times_place(times, TRACK_VIDEO, from_ms + at_ms, arrival_ms + at_ms), ==,
                         out_ms + at_ms);
        for (; sound_ms < at_ms + 40; sound_ms += 21)
            g_assert_cmpuint(flv_times_place(times, TRACK_AUDIO, from_ms + sound_ms, arrival_ms + sound_ms),
                             ==, out_ms + sound_ms);
    }
}

static void test_what_runs_is_left_alone(void)
{
    struct flv_times times = {0};
    assert_runs(&times, 500, 500, 10000);
    assert_runs(&times, 4000, 4000, 13500);
    /* A step forward, and a small one back: for others to mend. */
    assert_runs(&times, 900000, 900000, 20000);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 902000, 23000), ==, 902000);
}

static void test_wrap_is_left_alone(void)
{
    struct flv_times times = {0};
    assert_runs(&times, UINT32_MAX - 1000, UINT32_MAX - 1000, 0);
}

static void test_step_back_takes_both_tracks_along(void)
{
    struct flv_times times = {0};
    assert_runs(&times, 60000, 60000, 1000);
    /* The last came at 60000 + 2989; 30 ms later the publisher begins anew. */
    uint32_t next_ms = times.last_out_ms + 30;
    assert_runs(&times, 100, next_ms, times.last_arrival_ms + 30);
    assert_runs(&times, 3100, next_ms + 3000, times.last_arrival_ms + 11);
    next_ms = times.last_out_ms + 5000;
    assert_runs(&times, 0, next_ms, times.last_arrival_ms + 5000);
}

static void test_sound_may_step_first_and_old_pictures_follow(void)
{
    struct flv_times times = {0};
    assert_runs(&times, 60000, 60000, 0);
    int64_t now_ms = times.last_arrival_ms;
    uint32_t out_ms = times.last_out_ms;
    g_assert_cmpuint(flv_times_place(&times, TRACK_AUDIO, 1000, now_ms + 20), ==, out_ms + 20);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 63000, now_ms + 21), ==, 63000);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 1040, now_ms + 60), ==, out_ms + 60);
}

static void test_track_that_comes_later_takes_the_offset(void)
{
    struct flv_times times = {0};
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 9000, 0), ==, 9000);
    g_assert_cmpuint(flv_times_place(&times, TRACK_VIDEO, 1000, 40), ==, 9040);
    g_assert_cmpuint(flv_times_place(&times, TRACK_AUDIO, 1010, 50), ==, 9050);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flv-times/what-runs-is-left-alone", test_what_runs_is_left_alone);
    g_test_add_func("/flv-times/wrap-is-left-alone", test_wrap_is_left_alone);
    g_test_add_func("/flv-times/step-back-takes-both-tracks-along", test_step_back_takes_both_tracks_along);
    g_test_add_func("/flv-times/sound-may-step-first-and-old-pictures-follow",
                    test_sound_may_step_first_and_old_pictures_follow);
    g_test_add_func("/flv-times/track-that-comes-later-takes-the-offset",
                    test_track_that_comes_later_takes_the_offset);
    return g_test_run();
}
