/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_timeline.h"

#include <glib.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

enum { VIDEO, AUDIO };

static struct rtp_timeline begin(int64_t start_ns)
{
    struct rtp_timeline timeline;
    rtp_timeline_init(&timeline, start_ns);
    rtp_timeline_set_rate(&timeline, VIDEO, 90000);
    rtp_timeline_set_rate(&timeline, AUDIO, 48000);
    return timeline;
}

static void report(struct rtp_timeline *timeline, unsigned track, int64_t wall_ns, uint32_t timestamp)
{
    struct rtcp_sender_report sender_report = {.ntp = rtcp_ntp_from_unix_ns(wall_ns), .timestamp = timestamp};
    rtp_timeline_report(timeline, track, &sender_report);
}

/* Within a microsecond: NTP time has fractions. */
static void assert_near(int64_t seen_ns, int64_t expected_ns)
{
    g_assert_cmpint(ABS(seen_ns - expected_ns), <, 1000);
}

static void test_starts_by_arrival(void)
{
    struct rtp_timeline timeline = begin(66 * MS);
    g_assert_cmpint(rtp_timeline_pts(&timeline, VIDEO, 0xfffffff0, 7 * S), ==, 66 * MS);
    g_assert_cmpint(rtp_timeline_pts(&timeline, AUDIO, 5, 7 * S + 30 * MS), ==, 96 * MS);
    /* From then on by their own counts, whenever they arrive, through the wrap. */
    assert_near(rtp_timeline_pts(&timeline, VIDEO, 9000 - 16, 9 * S), 166 * MS);
    assert_near(rtp_timeline_pts(&timeline, AUDIO, 48005, 7 * S + 40 * MS), 1096 * MS);
    assert_near(rtp_timeline_pts(&timeline, VIDEO, 4500 - 16, 9 * S), 116 * MS);
}

/* ffmpeg sends a report before the first packet of a track. */
static void test_reports_before_the_packets(void)
{
    struct rtp_timeline timeline = begin(0);
    report(&timeline, VIDEO, 1000 * S, 90000);
    g_assert_cmpint(rtp_timeline_pts(&timeline, VIDEO, 90000, 5 * S), ==, 0);
    report(&timeline, AUDIO, 1000 * S, 777);
    assert_near(rtp_timeline_pts(&timeline, AUDIO, 777 + 4800, 5 * S + 20 * MS), 100 * MS);
    assert_near(rtp_timeline_pts(&timeline, VIDEO, 90000 + 9000, 5 * S), 100 * MS);
}

/* Sound begins before the picture that came first: nothing has to move. */
static void test_a_track_that_begins_before_the_first(void)
{
    struct rtp_timeline timeline = begin(200 * MS);
    report(&timeline, VIDEO, 1000 * S, 90000);
    rtp_timeline_pts(&timeline, VIDEO, 90000, 5 * S);
    report(&timeline, AUDIO, 1000 * S, 48000);
    assert_near(rtp_timeline_pts(&timeline, AUDIO, 48000 - 4800, 5 * S), 100 * MS);
    assert_near(rtp_timeline_pts(&timeline, VIDEO, 90000 + 9000, 5 * S), 300 * MS);
    /* Where there is no room for it, all others move. */
    timeline = begin(50 * MS);
    report(&timeline, VIDEO, 1000 * S, 90000);
    rtp_timeline_pts(&timeline, VIDEO, 90000, 5 * S);
    report(&timeline, AUDIO, 1000 * S, 48000);
    assert_near(rtp_timeline_pts(&timeline, AUDIO, 48000 - 4800, 5 * S), 50 * MS);
    assert_near(rtp_timeline_pts(&timeline, VIDEO, 90000 + 9000, 5 * S), 250 * MS);
}

static void test_late_reports_move_forward_only(void)
{
    for (int audio_ahead = 0; audio_ahead < 2; audio_ahead++) {
        struct rtp_timeline timeline = begin(0);
        rtp_timeline_pts(&timeline, VIDEO, 0, 0);
        rtp_timeline_pts(&timeline, AUDIO, 0, 0);
        report(&timeline, VIDEO, 1000 * S, 0);
        assert_near(rtp_timeline_pts(&timeline, VIDEO, 90000, S), S);
        report(&timeline, AUDIO, 1000 * S + (audio_ahead ? 200 : -200) * MS, 0);
        assert_near(rtp_timeline_pts(&timeline, VIDEO, 90000, S), audio_ahead ? S : S + 200 * MS);
        assert_near(rtp_timeline_pts(&timeline, AUDIO, 48000, S), audio_ahead ? S + 200 * MS : S);
    }
}

static void test_small_steps_are_left_alone(void)
{
    struct rtp_timeline timeline = begin(0);
    rtp_timeline_pts(&timeline, VIDEO, 0, 0);
    rtp_timeline_pts(&timeline, AUDIO, 0, 0);
    report(&timeline, VIDEO, 1000 * S, 0);
    report(&timeline, AUDIO, 1000 * S + 4 * MS, 0);
    g_assert_cmpint(rtp_timeline_pts(&timeline, AUDIO, 48000, S), ==, S);
}

/* Reports of different clocks, or of none. */
static void test_nonsense_reports_are_ignored(void)
{
    struct rtp_timeline timeline = begin(0);
    rtp_timeline_pts(&timeline, VIDEO, 0, 0);
    rtp_timeline_pts(&timeline, AUDIO, 0, 0);
    report(&timeline, VIDEO, 1000 * S, 0);
    report(&timeline, AUDIO, 1006 * S, 0);
    g_assert_cmpint(rtp_timeline_pts(&timeline, AUDIO, 48000, S), ==, S);
    struct rtcp_sender_report no_clock = {.ntp = 0, .timestamp = 48000};
    rtp_timeline_report(&timeline, AUDIO, &no_clock);
    report(&timeline, AUDIO, 1000 * S + 100 * MS, 0);
    assert_near(rtp_timeline_pts(&timeline, AUDIO, 96000, 2 * S), 2 * S + 100 * MS);
}

static void test_a_jump_goes_on_by_arrival(void)
{
    static const uint32_t steps[] = {90000 * 3600u, (uint32_t)-90000 * 3600u, 90000 * 11u};
    for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
        struct rtp_timeline timeline = begin(0);
        rtp_timeline_pts(&timeline, VIDEO, 500, 0);
        rtp_timeline_pts(&timeline, VIDEO, 500 + 90000, S);
        g_assert_cmpint(rtp_timeline_pts(&timeline, VIDEO, 500 + 90000 + steps[i], S + 40 * MS), ==,
                        S + 40 * MS);
        assert_near(rtp_timeline_pts(&timeline, VIDEO, 500 + 93600 + steps[i], S + 80 * MS), S + 80 * MS);
    }
}

static void test_a_pause_is_no_jump(void)
{
    struct rtp_timeline timeline = begin(0);
    rtp_timeline_pts(&timeline, VIDEO, 0, 0);
    assert_near(rtp_timeline_pts(&timeline, VIDEO, 90000 * 60, 60 * S), 60 * S);
    /* Nor is a burst after a stall of the network. */
    assert_near(rtp_timeline_pts(&timeline, VIDEO, 90000 * 60 + 3000, 90 * S), 60 * S + 33333333);
}

static void test_another_source_goes_on_by_arrival(void)
{
    struct rtp_timeline timeline = begin(0);
    rtp_timeline_pts(&timeline, VIDEO, 500, 0);
    rtp_timeline_pts(&timeline, VIDEO, 500 + 90000, S);
    rtp_timeline_restart(&timeline, VIDEO);
    g_assert_cmpint(rtp_timeline_pts(&timeline, VIDEO, 12345, 3 * S), ==, 3 * S);
    /* Not too far, should the clock jump. */
    rtp_timeline_restart(&timeline, VIDEO);
    g_assert_cmpint(rtp_timeline_pts(&timeline, VIDEO, 0, 10000 * S), ==, 13 * S);
}

static void test_never_negative(void)
{
    struct rtp_timeline timeline = begin(0);
    rtp_timeline_pts(&timeline, VIDEO, 90000, 0);
    g_assert_cmpint(rtp_timeline_pts(&timeline, VIDEO, 0, 0), ==, 0);
}

/* Almost ten seconds with every packet, through the end of what is followed. */
static void test_absurd_times_do_not_overflow(void)
{
    const int64_t ten_years_s = 315360000;
    struct rtp_timeline timeline = begin(0);
    rtp_timeline_set_rate(&timeline, VIDEO, 1000);
    rtp_timeline_pts(&timeline, VIDEO, 0, 0);
    timeline.clocks[VIDEO].ticks.last = (ten_years_s - 500) * 1000;
    uint32_t timestamp = (uint32_t)timeline.clocks[VIDEO].ticks.last;
    for (unsigned i = 0; i < 1000; i++, timestamp += 9999)
        g_assert_cmpint(rtp_timeline_pts(&timeline, VIDEO, timestamp, 0), <=, ten_years_s * S);
    g_assert_cmpint(timeline.clocks[VIDEO].ticks.last, <, INT64_C(1) << 33);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-timeline/starts-by-arrival", test_starts_by_arrival);
    g_test_add_func("/rtp-timeline/reports-before-the-packets", test_reports_before_the_packets);
    g_test_add_func("/rtp-timeline/a-track-that-begins-before-the-first",
                    test_a_track_that_begins_before_the_first);
    g_test_add_func("/rtp-timeline/late-reports-move-forward-only", test_late_reports_move_forward_only);
    g_test_add_func("/rtp-timeline/small-steps-are-left-alone", test_small_steps_are_left_alone);
    g_test_add_func("/rtp-timeline/nonsense-reports-are-ignored", test_nonsense_reports_are_ignored);
    g_test_add_func("/rtp-timeline/a-jump-goes-on-by-arrival", test_a_jump_goes_on_by_arrival);
    g_test_add_func("/rtp-timeline/a-pause-is-no-jump", test_a_pause_is_no_jump);
    g_test_add_func("/rtp-timeline/another-source-goes-on-by-arrival",
                    test_another_source_goes_on_by_arrival);
    g_test_add_func("/rtp-timeline/never-negative", test_never_negative);
    g_test_add_func("/rtp-timeline/absurd-times-do-not-overflow", test_absurd_times_do_not_overflow);
    return g_test_run();
}
