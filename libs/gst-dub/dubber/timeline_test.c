/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timeline.h"

#include "sound/samples.h"
#include <math.h>

#define FRAME 1024 /* one AAC access unit */
#define MS INT64_C(1000000)

static int64_t ideal_ns(int64_t frames)
{
    return frames * FRAME * 1000000000 / DUB_RATE_HZ;
}

static void test_first_buffer_is_position_zero(void)
{
    struct dub_timeline timeline;
    dub_timeline_init(&timeline);
    struct dub_timeline_step step = dub_timeline_place(&timeline, 5000 * MS, FRAME, true);
    g_assert_cmpint(step.position, ==, 0);
    g_assert_cmpint(dub_timeline_time_ns(&timeline, DUB_RATE_HZ), ==, 6000 * MS);
    g_assert_cmpint(dub_timeline_position(&timeline, 6000 * MS), ==, DUB_RATE_HZ);
}

static void test_rounded_stamps_are_laid_end_to_end(void)
{
    struct dub_timeline timeline;
    dub_timeline_init(&timeline);
    for (int64_t i = 0; i < 100000; i++) {
        int64_t rounded_ms = ideal_ns(i) / MS;
        struct dub_timeline_step step = dub_timeline_place(&timeline, rounded_ms * MS, FRAME, false);
        g_assert_cmpint(step.position, ==, i * FRAME);
        g_assert_cmpint(step.stretch_samples, ==, 0);
        g_assert_cmpuint(step.skip_samples, ==, 0);
    }
}

static void test_jitter_is_absorbed(void)
{
    struct dub_timeline timeline;
    GRand *random = g_rand_new_with_seed(3);
    dub_timeline_init(&timeline);
    dub_timeline_place(&timeline, 0, FRAME, false);
    for (int64_t i = 1; i < 20000; i++) {
        int64_t jitter = g_rand_int_range(random, -8, 9) * MS;
        struct dub_timeline_step step = dub_timeline_place(&timeline, ideal_ns(i) + jitter, FRAME, false);
        g_assert_cmpuint(step.skip_samples, ==, 0);
        g_assert_cmpint(step.position - i * FRAME, >=, -2 * 48);
        g_assert_cmpint(step.position - i * FRAME, <=, 2 * 48);
    }
    g_assert_cmpuint(timeline.silence_samples, ==, 0);
    g_rand_free(random);
}

static void test_lost_frame_is_a_gap(void)
{
    struct dub_timeline timeline;
    dub_timeline_init(&timeline);
    dub_timeline_place(&timeline, 0, FRAME, false);
    struct dub_timeline_step step = dub_timeline_place(&timeline, ideal_ns(2), FRAME, false);
    g_assert_cmpint(step.position, ==, 2 * FRAME);
    g_assert_cmpuint(timeline.silence_samples, ==, FRAME);
    step = dub_timeline_place(&timeline, ideal_ns(3), FRAME, false);
    g_assert_cmpint(step.position, ==, 3 * FRAME);
}

static void test_jump_forward_is_a_gap(void)
{
    struct dub_timeline timeline;
    dub_timeline_init(&timeline);
    dub_timeline_place(&timeline, 0, FRAME, false);
    struct dub_timeline_step step = dub_timeline_place(&timeline, 60000 * MS, FRAME, false);
    g_assert_cmpint(step.position, ==, 60 * DUB_RATE_HZ);
}

static void test_overlap_is_trimmed(void)
{
    struct dub_timeline timeline;
    dub_timeline_init(&timeline);
    dub_timeline_place(&timeline, 0, 4800, false);
    struct dub_timeline_step step = dub_timeline_place(&timeline, 50 * MS, 4800, false);
    g_assert_cmpint(step.position, ==, 4800);
    g_assert_cmpuint(step.skip_samples, ==, 2400);
    /* Wholly in the past: nothing is left of it, and what follows is in its place. */
    step = dub_timeline_place(&timeline, 0, 2400, false);
    g_assert_cmpuint(step.skip_samples, ==, 2400);
    step = dub_timeline_place(&timeline, 150 * MS, 4800, false);
    g_assert_cmpint(step.position, ==, 7200);
    g_assert_cmpuint(step.skip_samples, ==, 0);
    g_assert_cmpuint(timeline.trimmed_samples, ==, 4800);
}

static void test_marked_discontinuity_is_believed(void)
{
    struct dub_timeline timeline;
    dub_timeline_init(&timeline);
    dub_timeline_place(&timeline, 0, 480, false);
    struct dub_timeline_step step = dub_timeline_place(&timeline, 15 * MS, 480, true);
    g_assert_cmpint(step.position, ==, 720);
}

/* From some buffer on all time stamps are off by this: how far the sound is from them after so long. */
static int64_t error_after(int64_t step_ns, int64_t frames, bool marked)
{
    struct dub_timeline timeline;
    struct dub_timeline_step step = {0};
    int64_t pts_ns = 0;
    dub_timeline_init(&timeline);
    for (int64_t i = 0; i < 100 + frames; i++) {
        pts_ns = ideal_ns(i) + (i >= 100 ? step_ns : 0);
        step = dub_timeline_place(&timeline, pts_ns, FRAME, marked && i == 100);
    }
    return ABS(dub_timeline_position(&timeline, pts_ns) - (step.position - step.skip_samples));
}

static void test_lasting_error_is_within_the_goal(void)
{
    for (int64_t step_ns = -18 * MS; step_ns <= 18 * MS; step_ns += MS) {
        /* Two seconds. */
        g_assert_cmpint(error_after(step_ns, 94, false), <=, 10 * 48);
        /* With the source's word, from the first sample. */
        g_assert_cmpint(error_after(step_ns, 1, true), <=, 2 * 48);
    }
}

static void test_large_jitter_is_no_gap(void)
{
    struct dub_timeline timeline;
    GRand *random = g_rand_new_with_seed(5);
    dub_timeline_init(&timeline);
    dub_timeline_place(&timeline, 0, FRAME, false);
    for (int64_t i = 1; i < 20000; i++)
        dub_timeline_place(&timeline, ideal_ns(i) + g_rand_int_range(random, -15, 16) * MS, FRAME, false);
    g_assert_cmpuint(timeline.silence_samples + timeline.trimmed_samples, ==, 0);
    g_rand_free(random);
}

/* A sound card that is off by this: the position follows, never faster than 0.5 ms per second, never far
 * behind. */
static void check_drift(double parts_per_million)
{
    struct dub_timeline timeline;
    const int64_t frames_per_s = 47; /* a little more than a second */
    int64_t slewed_before = 0;
    dub_timeline_init(&timeline);
    for (int64_t i = 0; i < 47 * 600; i++) {
        int64_t pts = (int64_t)((double)ideal_ns(i) * (1 + parts_per_million * 1e-6));
        struct dub_timeline_step step = dub_timeline_place(&timeline, pts, FRAME, false);
        int64_t error = dub_timeline_position(&timeline, pts) - step.position;
        g_assert_cmpint(ABS(error), <=, 3 * 48);
        g_assert_cmpuint(step.skip_samples, ==, 0);
        if (i % frames_per_s != 0)
            continue;
        g_assert_cmpint(ABS(timeline.slewed_samples - slewed_before), <=, 25);
        slewed_before = timeline.slewed_samples;
    }
    g_assert_cmpuint(timeline.silence_samples + timeline.trimmed_samples, ==, 0);
    double expected = 600 * 1.0027 * DUB_RATE_HZ * parts_per_million * 1e-6;
    g_assert_cmpfloat(fabs((double)timeline.slewed_samples - expected), <, 3 * 48);
}

static void test_drift_is_followed_slowly(void)
{
    check_drift(100);
    check_drift(-100);
    check_drift(300);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/first-buffer-is-position-zero", test_first_buffer_is_position_zero);
    g_test_add_func("/timeline/rounded-stamps-are-laid-end-to-end", test_rounded_stamps_are_laid_end_to_end);
    g_test_add_func("/timeline/jitter-is-absorbed", test_jitter_is_absorbed);
    g_test_add_func("/timeline/lost-frame-is-a-gap", test_lost_frame_is_a_gap);
    g_test_add_func("/timeline/jump-forward-is-a-gap", test_jump_forward_is_a_gap);
    g_test_add_func("/timeline/overlap-is-trimmed", test_overlap_is_trimmed);
    g_test_add_func("/timeline/marked-discontinuity-is-believed", test_marked_discontinuity_is_believed);
    g_test_add_func("/timeline/lasting-error-is-within-the-goal", test_lasting_error_is_within_the_goal);
    g_test_add_func("/timeline/large-jitter-is-no-gap", test_large_jitter_is_no_gap);
    g_test_add_func("/timeline/drift-is-followed-slowly", test_drift_is_followed_slowly);
    return g_test_run();
}
