/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtp_sync.h"

#include <glib.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define WALL (4000000000 * S)

static void test_nothing_known_is_no_shift(void)
{
    struct rtp_sync sync = {0};

    g_assert_cmpint(rtp_sync_shift(&sync, S), ==, 0);
    rtp_sync_start(&sync, TRACK_AUDIO, 3 * S);
    rtp_sync_report(&sync, TRACK_VIDEO, WALL, 2 * S);
    g_assert_cmpint(rtp_sync_shift(&sync, 2 * S), ==, 0);
}

/* The same instant came 40 ms later on the sound's track: it has to go back by that. */
static void test_rtp_info_counts_at_once(void)
{
    struct rtp_sync sync = {0};

    rtp_sync_start(&sync, TRACK_VIDEO, 200 * MS);
    rtp_sync_start(&sync, TRACK_AUDIO, 240 * MS);
    g_assert_cmpint(rtp_sync_shift(&sync, S), ==, -40 * MS);
}

static void test_first_reports_count_at_once_and_more_than_rtp_info(void)
{
    struct rtp_sync sync = {0};

    rtp_sync_start(&sync, TRACK_VIDEO, 200 * MS);
    rtp_sync_start(&sync, TRACK_AUDIO, 240 * MS);
    rtp_sync_report(&sync, TRACK_VIDEO, WALL, S);
    rtp_sync_report(&sync, TRACK_AUDIO, WALL + 5 * S + 70 * MS, 6 * S);
    g_assert_cmpint(rtp_sync_shift(&sync, 6 * S), ==, 70 * MS);
    rtp_sync_start(&sync, TRACK_AUDIO, 900 * MS);
    g_assert_cmpint(rtp_sync_shift(&sync, 6 * S), ==, 70 * MS);
}

static void test_later_reports_are_followed_slowly(void)
{
    struct rtp_sync sync = {0};
    int64_t last_ns = 0;

    rtp_sync_report(&sync, TRACK_VIDEO, WALL, 0);
    rtp_sync_report(&sync, TRACK_AUDIO, WALL, 0);
    rtp_sync_report(&sync, TRACK_AUDIO, WALL + 10 * S + 4 * MS, 10 * S);
    for (int64_t pts_ns = 10 * S; pts_ns < 30 * S; pts_ns += 20 * MS) {
        int64_t shift_ns = rtp_sync_shift(&sync, pts_ns);
        g_assert_cmpint(shift_ns - last_ns, >=, 0);
        g_assert_cmpint(shift_ns - last_ns, <=, 10000);
        last_ns = shift_ns;
    }
    g_assert_cmpint(last_ns, ==, 4 * MS);
}

static void test_a_new_relation_counts_at_once(void)
{
    struct rtp_sync sync = {0};

    rtp_sync_report(&sync, TRACK_VIDEO, WALL, 0);
    rtp_sync_report(&sync, TRACK_AUDIO, WALL, 0);
    rtp_sync_report(&sync, TRACK_AUDIO, WALL + 10 * S - 300 * MS, 10 * S);
    g_assert_cmpint(rtp_sync_shift(&sync, 10 * S), ==, -300 * MS);
}

static void test_nonsense_is_not_followed(void)
{
    struct rtp_sync sync = {0};

    rtp_sync_start(&sync, TRACK_VIDEO, 0);
    rtp_sync_start(&sync, TRACK_AUDIO, 50 * MS);
    rtp_sync_report(&sync, TRACK_VIDEO, WALL, 0);
    rtp_sync_report(&sync, TRACK_AUDIO, 7 * S, 0);
    g_assert_cmpint(rtp_sync_shift(&sync, S), ==, -50 * MS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtp-sync/nothing-known-is-no-shift", test_nothing_known_is_no_shift);
    g_test_add_func("/rtp-sync/rtp-info-counts-at-once", test_rtp_info_counts_at_once);
    g_test_add_func("/rtp-sync/first-reports-count-more",
                    test_first_reports_count_at_once_and_more_than_rtp_info);
    g_test_add_func("/rtp-sync/later-reports-are-followed-slowly", test_later_reports_are_followed_slowly);
    g_test_add_func("/rtp-sync/a-new-relation-counts-at-once", test_a_new_relation_counts_at_once);
    g_test_add_func("/rtp-sync/nonsense-is-not-followed", test_nonsense_is_not_followed);
    return g_test_run();
}
